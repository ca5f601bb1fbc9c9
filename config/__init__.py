"""Facts that an operator edits: settings, connections, schedule, source files. No behaviour."""

OWNER = "millrace"
"""Tells this package from another program's of the same name."""
