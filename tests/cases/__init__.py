"""Vendors that behave in ways people met, each with the source file a user would write for it."""
