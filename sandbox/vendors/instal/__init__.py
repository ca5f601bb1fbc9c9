"""Instal's Advertiser Report Export API."""
