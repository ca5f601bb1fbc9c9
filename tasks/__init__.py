"""The life of a report, one module per step. Celery imports them by the names in `config.celery`."""
