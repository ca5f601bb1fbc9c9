"""Millrace's parts, put together once for a process."""

from __future__ import annotations

from functools import cache, cached_property
from urllib.parse import urlsplit

from redis import Redis
from redis.exceptions import RedisError

from config.settings import Settings, environment_value, settings
from worker.catalogue import Catalogue, load_catalogue
from worker.connections import Connection, load_connections
from worker.errors import FailJob
from worker.ledger import Ledger
from worker.model import Job
from worker.redis_client import connect, redis_url
from worker.sinks.address import parse_address
from worker.sinks.sink import Sink
from worker.sinks import open_sink
from worker.sources import Report, Source
from worker.transport.exchange import Exchange
from worker.vendor import Vendor


class Assembly:
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
