"""Celery's tasks: one module for each step in the life of a report. `config.celery` lists the modules to import."""

OWNER = "millrace"
"""Distinguishes this package from another program's package of the same name."""
