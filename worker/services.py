"""Builds what steps and front ends use (ledger, connections, vendors, sinks), once for each process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, cached_property, lru_cache

from pydantic import ValidationError
from redis import Redis
from redis.exceptions import RedisError

from config.settings import Settings, environment_value, settings
from worker.client.status import Prepared
from worker.client.vendor import Vendor
from worker.errors import BadInput, FailJob, MissingLibrary, RetryLater
from worker.ledger import Ledger
from worker.model import Job
from worker.observe import Event, log
from worker.redis_client import PATIENT_RETRIES, connect, own_redis
from worker.sinks.address import default_stream, without_password
from worker.sinks.kinds import SinkJob, is_below, open_sink, parse_address
from worker.sinks.sink import Sink
from worker.sources.connections import Connection, Connections, load_connections
from worker.sources.loading import load_catalogue
from worker.sources.params import requested_columns
from worker.sources.schema import Limits, Report, Source
from worker.transport.account import Account
from worker.transport.exchange import Exchange
from worker.transport.quota import ReportLimit

OTHER_VERSION_SECONDS = 15.0
"""How long a job of another version of Millrace waits before a worker takes it again, perhaps one of that version."""
ACCOUNT_SECONDS = 5.0
"""How long credentials that were read are used: thousands of polls a minute would read the same files each time."""


class Services:
    """Everything a step or a front end needs. Safe to share between threads."""

    redis_errors: tuple[type[Exception], ...] = (RedisError,)

    def __init__(self, settings: Settings, redis: Redis) -> None:
        self.settings = settings
        self.redis = redis
        self.ledger = Ledger(
            redis, lease_seconds=settings.lease_seconds, keep_finished_seconds=settings.keep_finished_days * 86_400
        )
        self._accounts: dict[str, tuple[float, Account]] = {}
        # Cached, because a source can be large and every poll and page needs it. The key is a digest of the content.
        self._source = lru_cache(maxsize=64)(self._load_source)

    @cached_property
    def connections(self) -> Connections:
        """All connections by name. What is wrong with others is logged. Raises BadInput if their file is unreadable."""
        catalogue = load_catalogue(self.settings.sources)
        found = load_connections(self.settings.connections, catalogue, environment_value)
        for mistake in found.mistakes():
            log.error(Event.FILE_REFUSED, why=mistake)
        for sentence in catalogue.describe_ignored():
            log.warning(Event.FILES_IGNORED, why=sentence)
        return found

    def connection(self, job: Job) -> Connection:
        """The connection of a job. Raises FailJob if it is gone, RetryLater if a file with a mistake may be mended."""
        try:
            if job.connection in self.connections or job.connection in self.connections.faults:
                return self.connections[job.connection]
        except BadInput as fault:
            raise RetryLater(str(fault)) from None
        raise FailJob(f"the connection {job.connection!r} is no longer in {self.settings.connections}")

    def report(self, job: Job) -> Report:
        """The report a job is for, as it was declared when the job was made."""
        return self._source(job.source_digest).reports[job.report]

    def _load_source(self, digest: str) -> Source:
        text = self.ledger.source(digest)
        if text is None:
            raise FailJob("the source that this job was made from is missing in the ledger")
        try:
            return Source.model_validate_json(text)
        except ValidationError as unknown:
            first = unknown.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise _other_version(f"its source has {where}: {first['msg']}") from None

    def vendor(self, job: Job, *, silence_seconds: float | None = None) -> Vendor:
        """The client of a job's vendor; `silence_seconds` is the setting unless it is given."""
        prepared = Prepared(job.vendor_report_id, job.links, job.total, job.expires_at, job.poll_link, job.ready_total)
        # A new exchange for each piece of work: it remembers which token was refused for that work.
        exchange = Exchange(
            self._account(self.connection(job)),
            self.redis,
            silence_seconds=silence_seconds or self.settings.silence_seconds,
        )
        return Vendor(self.report(job), job.params, exchange, prepared)

    def _account(self, connection: Connection) -> Account:
        """The account with its credentials, read again after a few seconds: a file with a credential may change."""
        opened_at, account = self._accounts.get(connection.name, (0.0, None))
        now = time.monotonic()
        if account is None or now - opened_at > ACCOUNT_SECONDS:
            account = Account(connection)
            self._accounts[connection.name] = now, account
        return account

    def report_limit(self, job: Job) -> ReportLimit:
        """The limit on reports in preparation for the connection of a job; the default if that cannot be used."""
        limits = Limits()
        with suppress(BadInput):
            limits = self.connections[job.connection].limits
        return ReportLimit(self.redis, job.connection, limits)

    def poll_seconds(self, report: Report) -> float:
        """How long to wait between two polls: as the source file says, unless the operator overrides it."""
        declared = report.poll.every_seconds if report.poll else 0
        return self.settings.poll_seconds or declared

    # ------------------------------------------------------------ sinks

    @contextmanager
    def sink(self, job: Job) -> Iterator[Sink]:
        """The sink of a job, released at the end of the block. Raises RetryLater if only another version knows it."""
        try:
            address = parse_address(job.sink)
        except MissingLibrary:
            raise
        except BadInput as unknown:
            # The address was checked when the job was made.
            raise _other_version(f"its sink has {unknown}") from None
        sink = open_sink(address, self.sink_job(job))
        try:
            yield sink
        finally:
            sink.release()

    def sink_job(self, job: Job) -> SinkJob:
        """What a sink needs to know about a job."""
        return SinkJob(
            job.id,
            job.connection,
            job.report,
            default_redis=self.redis,
            stream_bound=self.settings.stream_bound,
            part_rows=self.settings.part_rows,
            window=job.window,
            columns=lambda: requested_columns(self.report(job), job.params),
        )

    def sink_display_name(self, job: Job) -> str:
        """A job's sink for people, without a password; also if the library it needs is not installed."""
        try:
            return parse_address(job.sink).display_name
        except BadInput:
            return without_password(job.sink)

    def sink_address(self, given: str | None, connection: str, report: str) -> str:
        """The canonical address of the sink that the caller named, or of the default one. Raises BadInput."""
        return parse_address(given or default_stream(connection, report)).text

    def allowed_sink(self, given: str | None) -> str | None:
        """The address of the sink that a caller of the HTTP API named. Raises BadInput if callers may not use it."""
        if given is None:
            return None
        address = parse_address(given)
        prefixes = self.settings.sinks or ("stream:", f"file:{self.settings.data_dir.resolve()}/")
        if not any(is_below(address, prefix) for prefix in prefixes):
            raise BadInput("to", address.display_name, "a sink that begins with " + " or ".join(prefixes))
        return address.text


def _other_version(why: str) -> RetryLater:
    """During an upgrade the next worker may be one of the version that made the job, so this is no attempt."""
    return RetryLater(
        f"a worker of the version of Millrace that made this job: {why}",
        wait_seconds=OTHER_VERSION_SECONDS,
        is_attempt=False,
        waits_on="worker",
    )


@cache
def get_services(redis_retries: int = PATIENT_RETRIES) -> Services:
    """The services of this process, created on first use."""
    return Services(settings(), connect(own_redis(), retries=redis_retries))
