"""Kargo's Data Sharing API."""
