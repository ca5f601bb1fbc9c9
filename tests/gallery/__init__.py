"""Vendors in a few lines: those of the packaged sources without a sandbox, as documented, and some a user declares."""
