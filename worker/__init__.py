"""Millrace's engine: everything but settings and Celery tasks. `celery -A worker` finds the app in `worker.celery`."""

from worker.installation import check_own_packages

OWNER = "millrace"
"""Distinguishes this package from another program's package of the same name."""

check_own_packages()
