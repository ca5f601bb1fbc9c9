"""The life of a report, one module per step. Celery imports them by the names in `config.celery`."""

OWNER = "millrace"
"""Tells this package from another program's of the same name."""
