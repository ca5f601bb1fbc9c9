"""Rows in files: each part of a page a file, complete or absent."""
