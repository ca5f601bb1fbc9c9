"""The engine. `celery -A worker` looks for the app in `worker.celery`."""

from worker.installation import check_own_packages

OWNER = "millrace"
"""Tells this package from another program's of the same name."""

check_own_packages()
