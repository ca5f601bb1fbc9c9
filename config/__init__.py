"""Facts that an operator edits: settings, connections, schedule, source files. No behaviour."""

OWNER = "millrace"
"""Distinguishes this package from another program's package of the same name."""
