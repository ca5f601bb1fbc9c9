"""Settings from environment variables: typed, read once, frozen. Nothing else in Millrace reads the environment.

Instead of any variable NAME, NAME_FILE may name a file with the value: containers mount secrets as files.
"""

from __future__ import annotations

import base64
import os
import re
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

PACKAGED = Path(__file__).parent
PREFIX = "MILLRACE_"
ENCODING = "utf-8-sig"
"""UTF-8, with or without the byte order mark that editors on Windows write."""
LINE_ENDS = "\r\n"
"""A secret of Kubernetes made by `echo ... | base64` ends with one, which would be sent as part of a password."""
WEBHOOK_SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix of a secret of Standard Webhooks; base64 follows

LONGEST_SECONDS = 365 * 86_400
LONGEST_DAYS = 36_500
"""Longer times would overflow the clocks of libraries and the expiry of keys in Redis."""


class BadSetting(ValueError):
    """A variable has an unusable value. The message names the variable and shows no secret."""


class FileSource(PydanticBaseSettingsSource):
    """Reads settings from the files that variables such as MILLRACE_REDIS_PASSWORD_FILE name."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        name = PREFIX + field_name.upper()
        is_named = variable(f"{name}_FILE") is not None
        return (environment_value(name) if is_named else None), field_name, False

    def __call__(self) -> dict[str, str]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


def expand_home(path: Path) -> Path:
    """The path with `~` replaced, because no shell reads `.env`. Raises ValueError for a user who does not exist."""
    try:
        return path.expanduser()
    except RuntimeError:
        raise ValueError(f"{path.parts[0]} has no home directory") from None


def split_at(separator: str) -> BeforeValidator:
    """Accepts a text in place of a tuple: its parts, without blanks around them and without empty ones."""

    def split(value: object) -> object:
        return tuple(filter(None, map(str.strip, value.split(separator)))) if isinstance(value, str) else value

    return BeforeValidator(split)


def refuse_half_a_secret(secret: SecretStr) -> SecretStr:
    """The secret. Raises ValueError if it has the prefix of Standard Webhooks, but no base64 after it."""
    kind, prefix, encoded = secret.get_secret_value().partition(WEBHOOK_SECRET_PREFIX)
    if prefix and not kind:
        try:
            is_key = bool(base64.b64decode(encoded, validate=True))
        except ValueError:
            is_key = False
        if not is_key:
            raise ValueError(f"{WEBHOOK_SECRET_PREFIX} must be followed by base64")
    return secret


HomePath = Annotated[Path, AfterValidator(expand_home)]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, split_at(",")]

_NETWORK = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}


class Settings(BaseSettings):
    """The settings and their defaults. `.env.example` explains each one."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding=ENCODING,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )

    redis_url: str | None = Field(default=None, repr=False)
    redis_password: SecretStr = SecretStr("")
    broker_url: str | None = Field(default=None, repr=False)
    data_dir: HomePath = Path("data")
    connections: HomePath = PACKAGED / "connections.yaml"
    sources: Annotated[tuple[HomePath, ...], NoDecode, split_at(os.pathsep)] = ()
    schedule: HomePath = PACKAGED / "schedule.yaml"
    poll_seconds: float | None = Field(default=None, gt=0, le=LONGEST_SECONDS)
    stream_bound: int = Field(default=10_000_000, ge=0)
    silence_seconds: float = Field(default=120, gt=0, le=LONGEST_SECONDS)
    hold_seconds: float = Field(default=900, ge=0, le=LONGEST_SECONDS)
    part_rows: int = Field(default=250_000, ge=1)
    dead_share: float = Field(default=0.01, ge=0, le=1)
    lease_seconds: float = Field(default=8, gt=0, le=LONGEST_SECONDS)
    sweep_seconds: float = Field(default=5, gt=0, le=LONGEST_SECONDS)
    keep_finished_days: float = Field(default=30, gt=0, le=LONGEST_DAYS)
    sinks: Annotated[tuple[str, ...], NoDecode, split_at(",")] = ()
    api_tokens: Secrets = ()
    api_read_tokens: Secrets = ()
    queue_bound: int = Field(default=100_000, ge=1)
    webhook_secret: Annotated[SecretStr, AfterValidator(refuse_half_a_secret)] = SecretStr("")
    log: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("*", mode="before")
    @classmethod
    def _drop_line_ends(cls, value: object) -> object:
        return value.rstrip(LINE_ENDS) if isinstance(value, str) else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, FileSource(settings_cls), env_settings, dotenv_settings


SETTING_NAMES = tuple(f"{PREFIX}{field.upper()}" for field in Settings.model_fields)


@cache
def settings() -> Settings:
    """The settings of this process, read on first use. Raises BadSetting."""
    _dotenv()  # refuses a file that pydantic would fail to read with a traceback
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = f"{PREFIX}{str(first['loc'][0]).upper()}"
        if first["type"] == "value_error":
            # From a validator above: its message is enough, and the value may be a secret.
            raise BadSetting(f"{name}: {first['ctx']['error']}") from None
        wanted = first["msg"].removeprefix("Input should be ")
        raise BadSetting(f"{name}: {first['input']!r} is not allowed; expected {wanted}") from None


def environment_value(name: str) -> str | None:
    """One variable, from the environment, else from `.env`, else from the file that `NAME_FILE` names.

    An empty variable counts as absent. Raises BadSetting if both are set or the file cannot be read.
    """
    value, file = variable(name), variable(f"{name}_FILE")
    if file is None:
        return value
    if value is not None:
        raise BadSetting(f"{name} and {name}_FILE are both set; set only one of them")
    try:
        return expand_home(Path(file)).read_text(encoding=ENCODING).rstrip(LINE_ENDS) or None
    except (OSError, ValueError) as reason:
        why = "is not UTF-8" if isinstance(reason, UnicodeDecodeError) else getattr(reason, "strerror", reason)
        raise BadSetting(f"{name}_FILE: {file}: {why}") from None


def variable(name: str) -> str | None:
    """A variable from the environment, else from `.env`, without line ends at its end; None if empty or not set."""
    return (os.environ.get(name) or _dotenv().get(name) or "").rstrip(LINE_ENDS) or None


_SERVICE_LINK = re.compile(r"SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_[A-Z]+(_\w+)?)?")


def unknown_variables() -> list[str]:
    """Variables in the environment and `.env` that are named like a setting, but are not one.

    Those that Kubernetes sets for a service called millrace are left out.
    """
    known = {variant for name in SETTING_NAMES for variant in (name, f"{name}_FILE")}
    given = {name for name in (*os.environ, *_dotenv()) if name.upper().startswith(PREFIX)}
    unknown = {name for name in given if name.upper() not in known}
    return sorted(name for name in unknown if not _SERVICE_LINK.fullmatch(name[len(PREFIX) :]))


def network_variables() -> dict[str, str]:
    """The variables for proxies and certificates. Unlike elsewhere, an empty one counts as set: `NO_PROXY=`."""
    found = {**_dotenv(), **os.environ}
    return {name: value for name, value in found.items() if name.upper() in _NETWORK and value is not None}


def share_variables(prefix: str) -> None:
    """Copy these variables from `.env` to the environment, for a library that reads only the environment."""
    for name, value in _dotenv().items():
        if name.startswith(prefix) and value is not None:
            os.environ.setdefault(name, value)


@cache
def _dotenv() -> dict[str, str | None]:
    try:
        with suppress(FileNotFoundError):
            Path(".env").stat()  # a directory that this user may not search is not one without the file
        return dotenv_values(".env", encoding=ENCODING)
    except OSError as error:
        raise BadSetting(f".env: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BadSetting(f".env: is not UTF-8: {error.reason} at byte {error.start}") from None


def prepare_environment(changes: dict[str, str]) -> None:
    """Set variables for this process and its children, before its settings are read."""
    if settings.cache_info().currsize:
        raise RuntimeError("the settings have been read already, so changes would have no effect")
    os.environ.update(changes)


def child_environment(**changes: str) -> dict[str, str]:
    """This process's environment with changes, for child processes: PYTHONPATH makes them import our packages."""
    path = os.pathsep.join(filter(None, [str(PACKAGED.parent), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, **changes}
