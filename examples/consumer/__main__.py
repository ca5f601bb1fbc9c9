"""The command line of the consumer."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sqlite3
import sys
import threading
from pathlib import Path

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.connection import parse_url
from redis.exceptions import BusyLoadingError, ConnectionError, RedisError, TimeoutError  # noqa: A004 - redis-py's own names
from redis.retry import Retry

from examples.consumer.consume import Consumer
from examples.consumer.group import Group
from examples.consumer.trimming import trim
from examples.consumer.warehouse import Warehouse

EXITS = "exit: 0 all is applied, or stopped; 1 --once left entries that wait, or Redis is away; 2 wrong usage"


def main() -> int:
    """Run one consumer; returns the exit code."""
    options = options_parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    try:
        warehouse = _warehouse(options.database)
    except sqlite3.Error as error:
        print(f"--database {options.database}: {error}", file=sys.stderr)
        return 2
    try:
        for job in options.forget:
            warehouse.forget(job)
        return _consume(options, warehouse, stopping)
    except RedisError as error:
        print(f"Redis: {error}", file=sys.stderr)
        return 1
    finally:
        warehouse.close()


def _warehouse(database: str) -> Warehouse:
    if database.startswith(("postgresql://", "postgres://")):
        from examples.consumer.postgres_warehouse import PostgresWarehouse  # needs the package psycopg

        return PostgresWarehouse(database)
    if database.endswith(".duckdb"):
        from examples.consumer.duckdb_warehouse import DuckdbWarehouse  # needs the package duckdb

        return DuckdbWarehouse(Path(database))
    return Warehouse(Path(database))


def _consume(options: argparse.Namespace, warehouse: Warehouse, stopping: threading.Event) -> int:
    redis = _connect(options.redis_url)
    group = Group(redis, options.stream, options.group, options.name, batch_entries=options.batch_entries)
    group.join()
    consumer = Consumer(
        group,
        warehouse,
        trim=lambda: options.trim and trim(redis, options.stream),
        claim_seconds=options.claim_seconds,
        is_stopping=stopping.is_set,
    )
    if not options.once:
        consumer.follow()
        return 0
    return 1 if consumer.drain() else 0


def _connect(url: str) -> Redis:
    return Redis.from_url(
        url,
        decode_responses=True,
        # An entry of another program that is not UTF-8 must not keep this one from reading the stream.
        encoding_errors="surrogateescape",
        socket_timeout=10,
        socket_connect_timeout=5,
        socket_keepalive=True,
        health_check_interval=5,
        retry=Retry(ExponentialBackoff(cap=1, base=0.05), 5),
        retry_on_error=[ConnectionError, TimeoutError, BusyLoadingError],
    )


def options_parser() -> argparse.ArgumentParser:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.consumer", description="Apply a Millrace stream to a warehouse.", epilog=EXITS
    )
    add, own_name = parser.add_argument, f"{socket.gethostname()}-{os.getpid()}"
    add("redis_url", metavar="REDIS_URL", type=redis_url, help="where the stream is: redis://HOST:PORT/DB")
    add("stream", metavar="STREAM", help="its name, such as rows:kargo.campaign-performance-metrics")
    warehouse = "the warehouse: an SQLite file, X.duckdb or postgresql://..."
    add("--database", metavar="DATABASE", required=True, help=warehouse)
    add("--group", default="warehouse", help="the consumer group; one for each warehouse (%(default)s)")
    add("--name", default=own_name, help="this consumer within the group (host and process id)")
    until = parser.add_mutually_exclusive_group()
    until.add_argument("--once", action="store_true", help="stop when all present entries are applied")
    until.add_argument("--follow", action="store_true", help="run until SIGTERM or Ctrl-C (the default)")
    add("--batch-entries", metavar="N", type=count, default=1000, help="entries in one transaction (%(default)s)")
    silence = "silence after which another consumer's entries are taken over (%(default)s)"
    add("--claim-seconds", metavar="S", type=seconds, default=60, help=silence)
    add("--no-trim", dest="trim", action="store_false", help="leave applied entries in the stream")
    lost = "give up a job whose end waits for rows that are lost"
    add("--forget", metavar="JOB", action="append", default=[], help=lost)
    return parser


def redis_url(text: str) -> str:
    """A URL that redis-py can read. The message for any other does not repeat it, because it may hold a password."""
    try:
        parse_url(text)
    except ValueError:
        raise argparse.ArgumentTypeError("expected redis://HOST:PORT/DB, rediss://... or unix://PATH") from None
    return text


def count(text: str) -> int:
    """Parse a whole number above zero. argparse uses the function's name in its message."""
    if (number := int(text)) <= 0:
        raise ValueError(text)
    return number


def seconds(text: str) -> float:
    """Parse a number of seconds above zero, at most a day."""
    if not 0.001 <= (number := float(text)) <= 86_400:
        raise ValueError(text)
    return number


if __name__ == "__main__":
    sys.exit(main())
