"""The paths about everything but jobs: sources, connections, the schedule, dead letters, queues and workers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import FastAPI, Query

from config.celery import CONTROL, STREAM, SWEEP
from config.settings import environment_value
from worker.api.access import Access
from worker.api.backend import Backend
from worker.api.models import ConnectionView, DeadLetter, EntryView, QueueView, ReportView, SourceView
from worker.api.requests import make_router
from worker.errors import BadInput
from worker.jobs.dead_letters import dead_letters
from worker.schedule.due import statuses
from worker.sources.credentials import is_set_up
from worker.sources.views import params_schema, report_facts, source_facts


def add_catalogue(app: FastAPI, backend: Backend, access: Access) -> None:
    """Add the paths; all of them only read."""
    look = make_router("catalogue", access.may_look)

    @look.get("/sources", summary="Every vendor and report, with its parameters as JSON Schema")
    def sources() -> list[SourceView]:
        connections = backend.services().connections
        ours = connections.names_by_source()
        found = connections.catalogue.sources
        views = []
        for name in sorted(found):
            source = found[name]
            reports = [
                ReportView(**{**report_facts(source.source, report_name, report), "params": params_schema(report)})
                for report_name, report in source.reports.items()
            ]
            views.append(SourceView(**{**source_facts(source, ours.get(name, [])), "reports": reports}))
        return views

    @look.get("/connections", summary="Our accounts and their reports")
    def connections() -> list[ConnectionView]:
        return [
            ConnectionView(
                connection=connection.name,
                source=connection.source.source,
                reports=list(connection.source.reports),
                is_set_up=is_set_up(connection, environment_value),
            )
            for connection in backend.services().connections.values()
        ]

    @look.get("/schedule", summary="The entries of the schedule: last and next times, jobs, alarms")
    def schedule() -> list[EntryView]:
        services = backend.services()
        now = datetime.fromtimestamp(services.ledger.now(), UTC)
        return [EntryView(**status.as_json()) for status in statuses(services, now)]

    @look.get("/dead/{connection}/{report}", summary="The rows set aside, each with its reason, the latest first")
    def dead(
        connection: str, report: str, sink: str | None = None, count: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> list[DeadLetter]:
        services = backend.services()
        try:
            allowed = services.allowed_sink(sink)
        except BadInput as bad:
            # In the body of POST /v1/jobs the same is called `to`.
            raise BadInput("sink", bad.given, bad.allowed) from None
        return [DeadLetter(**letter) for letter in dead_letters(services, f"{connection}.{report}", allowed, count)]

    @look.get("/queues", summary="The queues, their messages, and the workers that answer within two seconds")
    def queues() -> list[QueueView]:
        waiting = backend.messages_waiting()
        # A broker that does not answer is not waited for a second time.
        served = backend.queues_served() if waiting else {}
        return [
            QueueView(queue=queue, messages=waiting.get(queue), workers=sorted(served.get(queue, [])))
            for queue in (CONTROL, STREAM, SWEEP)
        ]

    app.include_router(look)
