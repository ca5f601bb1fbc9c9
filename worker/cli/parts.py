"""What verbs work with: our accounts alone, or every part of Millrace. Logs go to stderr, never among the data."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from config.settings import environment_value, settings
from worker.catalogue import Catalogue, load_catalogue
from worker.connections import Connection, load_connections
from worker.errors import BadInput
from worker.observe import configure_logging
from worker.wording import one_of

if TYPE_CHECKING:
    from worker.assembly import Assembly


def catalogue() -> Catalogue:
    """Every source. Raises BadInput with file, line and field."""
    return load_catalogue(settings().sources)


def connections() -> dict[str, Connection]:
    """Our accounts; Redis is not needed. Raises BadInput with file, line and field."""
    _log_to_stderr()
    return load_connections(settings().connections, catalogue(), environment_value)


def connection(name: str) -> Connection:
    """One account. Raises BadInput naming the ones there are."""
    found = connections()
    if name not in found:
        raise BadInput("connection", name, one_of(name, found, "connections"))
    return found[name]


def parts() -> Assembly:
    """The parts of this process, ledger included. Says so where Redis does not answer; it is tried again then."""
    from redis.exceptions import RedisError

    from worker.assembly import assembly
    from worker.cli.output import talk
    from worker.redis_client import connect, redis_url

    _log_to_stderr()
    url = redis_url()
    try:
        probe = connect(url, retries=0)
    except ValueError:
        scheme = urlsplit(url).scheme or "no scheme"
        raise BadInput("MILLRACE_REDIS_URL", scheme, "a URL that begins with redis://, rediss:// or unix://") from None
    try:
        probe.ping()
    except RedisError as away:
        place = urlsplit(url)
        where = f"{place.hostname}:{place.port or 6379}" if place.hostname else place.path
        talk.print(f"Redis at {where} (MILLRACE_REDIS_URL) does not answer, trying again: {away}")
    finally:
        probe.close()
    return assembly()


def _log_to_stderr() -> None:
    """What goes well is no news to a person at a terminal, unless a level was asked for."""
    chosen = settings()
    configure_logging(chosen.log, chosen.log_level if "log_level" in chosen.model_fields_set else "warning")
