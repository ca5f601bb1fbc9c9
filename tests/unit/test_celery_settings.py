"""What Celery is told, where its defaults would break a promise."""

from __future__ import annotations

from celery import Celery, Task

from config.celery import celery_settings


def test_a_step_is_retried_as_often_as_it_takes() -> None:
    app = Celery("tests", set_as_current=False)
    app.conf.update(celery_settings({"broker_url": "memory://"}, 30))

    @app.task(name="report.poll", bind=True)
    def poll(self: Task) -> int:
        if self.request.retries < 10:
            raise self.retry(countdown=0, max_retries=None)
        return int(self.request.retries)

    assert poll.apply().get() == 10
