"""Puts Millrace's parts together, once for each process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, cached_property, lru_cache

from redis import Redis
from redis.exceptions import RedisError

from config.settings import Settings, environment_value, settings
from worker.client.status import Prepared
from worker.client.vendor import Vendor
from worker.errors import BadInput, FailJob
from worker.ledger import Ledger
from worker.model import Job
from worker.redis_client import PATIENT_RETRIES, connect, own_redis
from worker.sinks.address import default_stream, without_password
from worker.sinks.kinds import SinkJob, is_below, open_sink, parse_address
from worker.sinks.sink import Sink
from worker.sources.connections import Connection, load_connections
from worker.sources.loading import load_catalogue
from worker.sources.params import asked_columns
from worker.sources.schema import Limits, Report, Source
from worker.transport.account import Account
from worker.transport.exchange import Exchange
from worker.transport.quota import ReportPlaces

ACCOUNT_SECONDS = 5.0
"""How long an account is used as it was read: thousands of polls a minute would read the same each time."""


class Services:
    """Everything a step or a front end needs. Safe to share between threads."""

    redis_errors: tuple[type[Exception], ...] = (RedisError,)

    def __init__(self, settings: Settings, redis: Redis) -> None:
        self.settings = settings
        self.redis = redis
        self.ledger = Ledger(
            redis,
            lease_seconds=settings.lease_seconds,
            keep_finished_seconds=settings.keep_finished_days * 86_400,
        )
        self._accounts: dict[str, tuple[float, Account]] = {}
        # Cached, because a source can be large and every poll and page needs it; a digest always names the same one.
        self._source = lru_cache(maxsize=64)(self._load_source)

    @cached_property
    def connections(self) -> dict[str, Connection]:
        """Our accounts. Raises BadInput with file, line and field."""
        catalogue = load_catalogue(self.settings.sources)
        return load_connections(self.settings.connections, catalogue, environment_value)

    def connection(self, job: Job) -> Connection:
        """The account a job uses. Raises FailJob if it is gone."""
        if job.connection not in self.connections:
            raise FailJob(f"the connection {job.connection!r} is no longer in {self.settings.connections}")
        return self.connections[job.connection]

    def report(self, job: Job) -> Report:
        """The report a job is for, as it was declared when the job was made."""
        return self._source(job.source_digest).reports[job.report]

    def _load_source(self, digest: str) -> Source:
        text = self.ledger.source(digest)
        if text is None:
            raise FailJob("the ledger has lost the source this job was made from")
        return Source.model_validate_json(text)

    def vendor(self, job: Job, *, silence_seconds: float | None = None) -> Vendor:
        """The client of a job's vendor; `silence_seconds` is the setting unless it is given."""
        prepared = Prepared(job.vendor_report_id, job.links, job.total, job.expires_at, job.poll_link, job.ready_total)
        # A new one for each piece of work: it remembers with which token that work was refused.
        exchange = Exchange(
            self._account(self.connection(job)),
            self.redis,
            silence_seconds=silence_seconds or self.settings.silence_seconds,
        )
        return Vendor(self.report(job), job.params, exchange, prepared)

    def _account(self, connection: Connection) -> Account:
        """A connection as it was set at most a few seconds ago: a credential's file may be written anew."""
        opened_at, account = self._accounts.get(connection.name, (0.0, None))
        now = time.monotonic()
        if account is None or now - opened_at > ACCOUNT_SECONDS:
            account = Account(connection)
            self._accounts[connection.name] = now, account
        return account

    def places(self, job: Job) -> ReportPlaces:
        """The places for reports in preparation that a job's connection has."""
        connection = self.connections.get(job.connection)
        return ReportPlaces(self.redis, job.connection, connection.limits if connection else Limits())

    def poll_seconds(self, report: Report) -> float:
        """How long to wait between two polls: what the source file says, unless the operator overrides it."""
        declared = report.poll.every_seconds if report.poll else 0
        return self.settings.poll_seconds or declared

    # ------------------------------------------------------------ sinks

    @contextmanager
    def sink(self, job: Job) -> Iterator[Sink]:
        """The sink of a job, let go at the end of the `with` block."""
        sink = open_sink(parse_address(job.sink), self.sink_job(job))
        try:
            yield sink
        finally:
            sink.release()

    def sink_job(self, job: Job) -> SinkJob:
        """What any sink must know of a job."""
        return SinkJob(
            job.id,
            job.connection,
            job.report,
            default_redis=self.redis,
            stream_bound=self.settings.stream_bound,
            part_rows=self.settings.part_rows,
            window=job.window,
            columns=lambda: asked_columns(self.report(job), job.params),
        )

    def shown_sink(self, job: Job) -> str:
        """A job's sink for people, without a password; also where what it needs is not installed."""
        try:
            return parse_address(job.sink).shown
        except BadInput:
            return without_password(job.sink)

    def sink_address(self, asked: str | None, connection: str, report: str) -> str:
        """The canonical address of the sink that was asked for, or of the default one. Raises BadInput."""
        return parse_address(asked or default_stream(connection, report)).text

    def allowed_sink(self, asked: str | None) -> str | None:
        """The address of the sink a caller of the HTTP API asked for. Raises BadInput if callers may not use it."""
        if asked is None:
            return None
        address = parse_address(asked)
        prefixes = self.settings.sinks or ("stream:", f"file:{self.settings.data_dir.resolve()}/")
        if not any(is_below(address, prefix) for prefix in prefixes):
            raise BadInput("to", address.shown, "a sink that begins with " + " or ".join(prefixes))
        return address.text


@cache
def get_services(redis_retries: int = PATIENT_RETRIES) -> Services:
    """The parts of this process, made on first use."""
    return Services(settings(), connect(own_redis(), retries=redis_retries))
