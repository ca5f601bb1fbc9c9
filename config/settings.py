"""Every environment variable, typed, read once, frozen. Nothing else in Millrace reads the environment."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PACKAGED = Path(__file__).parent

_NETWORK = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}


class Settings(BaseSettings):
    """What an operator may set; `.env.example` says the same for people. Unset variables take these defaults."""

    model_config = SettingsConfigDict(env_prefix="MILLRACE_", env_file=".env", extra="ignore", frozen=True)

    redis_url: str | None = None
    broker_url: str | None = None
    data_dir: Path = Path("data")
    connections: Path = PACKAGED / "connections.yaml"
    sources: Annotated[tuple[Path, ...], NoDecode] = ()
    poll_seconds: float | None = Field(default=None, gt=0)
    stream_bound: int = Field(default=10_000_000, ge=0)
    silence_seconds: float = Field(default=120, gt=0)
    hold_seconds: float = Field(default=900, ge=0)
    part_rows: int = Field(default=250_000, ge=1)
    dead_share: float = Field(default=0.01, ge=0, le=1)
    lease_seconds: float = Field(default=20, gt=0)
    sweep_seconds: float = Field(default=30, gt=0)
    keep_finished_days: float = Field(default=30, gt=0)
    ndjson_reader: Literal["ijson", "lines"] | None = None
    sinks: Annotated[tuple[str, ...], NoDecode] = ()
    api_tokens: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    log: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("sources", mode="before")
    @classmethod
    def _split_directories(cls, value: object) -> object:
        return tuple(part for part in value.split(os.pathsep) if part) if isinstance(value, str) else value

    @field_validator("sinks", "api_tokens", mode="before")
    @classmethod
    def _split_words(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("redis_url", "broker_url", "poll_seconds", "ndjson_reader", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value


@cache
def settings() -> Settings:
    """The settings of this process, read on first use."""
    return Settings()


def environment_value(name: str) -> str | None:
    """One variable named by a connection file, from the environment or else `.env`; an empty one counts as absent."""
    return os.environ.get(name) or _dotenv().get(name) or None


def network_variables() -> dict[str, str]:
    """What the environment, or else `.env`, says of proxies and certificates. An empty value is one: `NO_PROXY=`."""
    found = {**_dotenv(), **os.environ}
    return {name: value for name, value in found.items() if name.upper() in _NETWORK and value is not None}


@cache
def _dotenv() -> dict[str, str | None]:
    return dotenv_values(".env")


def prepare_environment(changes: dict[str, str]) -> None:
    """Set variables for this process and its children, before its settings are read."""
    if settings.cache_info().currsize:
        raise RuntimeError("the settings were read already")
    os.environ.update(changes)


def child_environment(**changes: str) -> dict[str, str]:
    """This process's environment with changes, for processes Millrace starts itself."""
    return {**os.environ, **changes}
