"""What is so: facts an operator edits, no behaviour."""

OWNER = "millrace"
"""Tells this package from another program's of the same name."""
