"""The engine. `celery -A worker` looks for the app in `worker.celery`."""
