"""The engine. `celery -A worker` looks for the app in `worker.celery`."""

from worker.application import check_own_packages

check_own_packages()
