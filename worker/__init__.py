"""The engine. `celery -A worker` looks for the app in `worker.celery`."""

from worker.application import refuse_strangers

refuse_strangers()
