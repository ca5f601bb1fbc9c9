"""Parses and checks the URL of a Redis, for ledger, broker, Flower and sinks.

    redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]
    rediss://...                                    the same over TLS
    unix:///PATH/OF/SOCKET[?db=DATABASE]
    sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]...]/SERVICE[/DATABASE]

Over TLS the server's certificate is verified unless the URL says `ssl_cert_reqs=none`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, unquote, urlencode

from worker.errors import BadInput
from worker.suggestions import one_of

FORMS = (
    "redis://HOST:PORT/0, rediss://HOST:PORT/0 (TLS), unix:///PATH/OF/SOCKET "
    "or sentinel://HOST:PORT,HOST:PORT/SERVICE/0"
)
TLS_OPTIONS = ("ssl_cert_reqs", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname")
SENTINEL_OPTIONS = ("ssl", "sentinel_username", "sentinel_password")
REDIS_PORT, SENTINEL_PORT = 6379, 26379

# Not urlsplit: it refuses a list of hosts with an IPv6 address in it.
_URL = re.compile(
    r"(?P<scheme>\w+)://(?:(?P<userinfo>[^/?#]*)@)?(?P<hosts>[^/?#@]*)(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#.*)?"
)

_WORDS: dict[str, dict[str, Any]] = {
    "ssl_cert_reqs": {"required": "required", "cert_required": "required", "none": "none", "cert_none": "none"},
    "ssl_check_hostname": {"true": True, "false": False},
    "ssl": {"true": True, "false": False},
}


@dataclass(frozen=True)
class RedisUrl:
    """One Redis. `tls` is None without TLS, else redis-py's options; `service` is the master's name in Sentinel."""

    scheme: Literal["redis", "rediss", "unix", "sentinel"]
    hosts: tuple[tuple[str, int], ...] = ()
    socket: str = ""
    database: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    service: str = ""
    tls: Mapping[str, Any] | None = None
    sentinel_user: str = ""
    sentinel_password: str = field(default="", repr=False)
    options: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def display_name(self) -> str:
        """Scheme, hosts and database, for people: no password, no options."""
        if self.scheme == "unix":
            return f"unix://{quote(self.socket)}" + (f"?db={self.database}" if self.database else "")
        hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)
        return f"{self.scheme}://{hosts}/{f'{self.service}/' if self.service else ''}{self.database}"

    @property
    def login(self) -> dict[str, str]:
        """User and password as redis-py's arguments, if they are set."""
        named = {"username": self.user, "password": self.password}
        return {name: value for name, value in named.items() if value}

    @property
    def sentinel_login(self) -> dict[str, str]:
        """The same for the sentinels themselves."""
        named = {"username": self.sentinel_user, "password": self.sentinel_password}
        return {name: value for name, value in named.items() if value}

    @property
    def userinfo(self) -> str:
        """User and password as in a URL, followed by `@`; empty if neither is set."""
        return self._userinfo(quote(self.password, safe=""))

    @property
    def text(self) -> str:
        """The canonical URL, with password and options: the same Redis always has the same text."""
        return self._text(self.userinfo)

    @property
    def masked(self) -> str:
        """The same for people, with `***` for a password."""
        return self._text(self._userinfo("***"))

    def _userinfo(self, password: str) -> str:
        user = quote(self.user, safe="")
        if self.password:
            return f"{user}:{password}@"
        return f"{user}@" if user else ""

    def _text(self, userinfo: str) -> str:
        scheme, _, rest = self.display_name.partition("://")
        return f"{scheme}://{userinfo}{rest}" + (f"?{urlencode(self.options)}" if self.options else "")


@lru_cache(maxsize=64)
def read_redis_url(text: str, *, where: str = "MILLRACE_REDIS_URL", password: str = "") -> RedisUrl:
    """Parse and check a URL; `password` is used if the URL has none.

    Raises BadInput that names `where` and what is wrong, without the URL's password.
    """
    parts = _split_url(text.strip(), where)
    options = _read_options(parts, where)
    user, _, given = (parts["userinfo"] or "").partition(":")
    common: dict[str, Any] = {
        "user": unquote(user),
        "password": unquote(given) or password,
        "tls": _read_tls(parts["scheme"], options, where),
    }
    common["options"] = tuple(sorted((name, value) for name, value in options.items() if name != "db"))
    if parts["scheme"] == "unix":
        if parts["hosts"] or not parts["path"].strip("/"):
            raise BadInput(where, _mask(parts), "unix:///PATH/OF/SOCKET, the path absolute")
        database = _read_database(options.get("db", "0"), where)
        return RedisUrl("unix", socket=unquote(parts["path"]), database=database, **common)
    hosts = _read_hosts(parts, where)
    first, _, rest = parts["path"].strip("/").partition("/")
    if parts["scheme"] == "sentinel":
        if not first:
            raise BadInput(where, _mask(parts), "the name of the service in the path, sentinel://HOST:PORT/SERVICE")
        return RedisUrl(
            "sentinel",
            hosts=hosts,
            service=unquote(first),
            database=_read_database(rest or "0", where),
            sentinel_user=options.get("sentinel_username", ""),
            sentinel_password=options.get("sentinel_password", ""),
            **common,
        )
    if len(hosts) > 1:
        raise BadInput(where, _mask(parts), "one host; several are for sentinel://")
    return RedisUrl(
        "rediss" if parts["scheme"] == "rediss" else "redis",
        hosts=hosts,
        database=_read_database(options.get("db", parts["path"].strip("/") or "0"), where),
        **common,
    )


def _split_url(text: str, where: str) -> re.Match[str]:
    scheme = text.partition("://")[0]
    if "://" not in text or scheme not in {"redis", "rediss", "unix", "sentinel"}:
        # Text without a scheme may be a password that was pasted alone, so none of it is shown.
        known = bool(re.fullmatch(r"[a-z][a-z0-9+.-]{0,20}", scheme)) and "://" in text
        raise BadInput(where, f"{scheme}://..." if known else "...", FORMS)
    if (parts := _URL.fullmatch(text)) is None:
        raise BadInput(where, f"{scheme}://...", FORMS)
    # An unescaped `/`, `?` or `#` in a password ends the host early, and the rest of the password is in another part.
    is_cut = "#" in text or "@" in (parts["query"] or "") or ("@" in parts["path"] and parts["hosts"])
    if is_cut:
        allowed = "a URL in which '/', '?' and '#' in the password are written as %2F, %3F and %23"
        raise BadInput(where, f"{scheme}://...", allowed)
    return parts


def _read_hosts(parts: re.Match[str], where: str) -> tuple[tuple[str, int], ...]:
    default = SENTINEL_PORT if parts["scheme"] == "sentinel" else REDIS_PORT
    found = []
    for named in parts["hosts"].split(","):
        match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s\[\]:/@]+)(?::([0-9]{1,5}))?", named)
        if match is None or not 0 < (port := int(match[2] or default)) < 65_536:
            # If the host was forgotten, the password may be in its place, so it is not shown.
            raise BadInput(where, f"{parts['scheme']}://...", f"HOST or HOST:PORT with a port from 1 to 65535; {FORMS}")
        found.append((match[1].strip("[]").lower(), port))
    return tuple(found)


def _read_database(text: str, where: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text):
        raise BadInput(f"{where}: database", text, "the number of a Redis database, as in redis://HOST:PORT/0")
    return int(text)


def _read_options(parts: re.Match[str], where: str) -> dict[str, str]:
    allowed: tuple[str, ...] = TLS_OPTIONS if parts["scheme"] in {"rediss", "sentinel"} else ()
    allowed += SENTINEL_OPTIONS if parts["scheme"] == "sentinel" else ("db",)
    found: dict[str, str] = {}
    for name, value in parse_qsl(parts["query"] or "", keep_blank_values=True):
        if name not in allowed or name in found:
            hint = " (TLS is rediss://)" if name in TLS_OPTIONS and name not in allowed else ""
            raise BadInput(f"{where}: option", name, f"{one_of(name, allowed)}, each once{hint}")
        found[name] = value
    return found


def _read_tls(scheme: str, options: Mapping[str, str], where: str) -> dict[str, Any] | None:
    given = {name: _read_word(name, options[name], where) for name in TLS_OPTIONS if name in options}
    is_tls = scheme == "rediss" or _read_word("ssl", options.get("ssl", "false"), where)
    if not is_tls:
        if given:
            raise BadInput(f"{where}: option", min(given), "ssl=true beside it")
        return None
    is_verified = given.get("ssl_cert_reqs", "required") == "required"
    for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"):
        if name in given and not os.access(given[name], os.R_OK):
            raise BadInput(f"{where}: {name}", given[name], "a file this user can read")
    return {"ssl_cert_reqs": "required", "ssl_check_hostname": is_verified, **given}


def _read_word(name: str, value: str, where: str) -> Any:
    if name not in _WORDS:
        return value
    if value.lower() not in _WORDS[name]:
        raise BadInput(f"{where}: {name}", value, one_of(value, [word for word in _WORDS[name] if "_" not in word]))
    return _WORDS[name][value.lower()]


def _mask(parts: re.Match[str]) -> str:
    """Scheme, hosts and path; user, password and options are left out."""
    userinfo = "" if parts["userinfo"] is None else "***@"
    return f"{parts['scheme']}://{userinfo}{parts['hosts']}{parts['path']}"
