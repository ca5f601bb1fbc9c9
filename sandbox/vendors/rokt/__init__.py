"""Rokt's legacy reporting and its Query API."""
