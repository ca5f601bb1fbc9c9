"""A connection with the values of its variables: base URL, proxy and certificates, and the credentials themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from config.settings import environment_value, network_variables
from worker.sources.base_urls import base_of
from worker.sources.connections import Connection
from worker.sources.credentials import auth_methods, credential_names, require_auth
from worker.sources.environment_names import Environment, value_of, variable_name
from worker.sources.schema import OneAuth
from worker.transport.proxies import network_of


@dataclass(frozen=True, slots=True)
class Credentials:
    """How an account authenticates: the methods, the secrets by name, and the variables these come from."""

    methods: Sequence[OneAuth]
    secrets: Mapping[str, str] = field(repr=False)
    variables: Sequence[str]


class Account:
    """A connection with its values from the environment. They are read once, so an account that is kept goes stale."""

    def __init__(
        self,
        connection: Connection,
        *,
        environment: Environment = environment_value,
        network: Mapping[str, str] | None = None,
    ) -> None:
        """`network` are the variables for proxies and certificates, by default those of the environment."""
        documented = connection.source.base_url
        self.connection = connection
        self.base = base_of(connection.base_url, documented=documented, allow_http=connection.allow_http)
        self.network = network_of(connection.proxy, network_variables() if network is None else network)
        self._environment = environment

    @cached_property
    def credentials(self) -> Credentials:
        """The credentials for the first entry of `auth` that has all of them. Raises BadInput, naming what to set."""
        auth = require_auth(self.connection, self._environment)
        held = {name: self.connection.credentials[name] for name in credential_names(auth)}
        secrets = {name: value_of(credential, self._environment) or "" for name, credential in held.items()}
        variables = [variable_name(credential) or f"credentials.{name}" for name, credential in held.items()]
        return Credentials(auth_methods(auth), secrets, variables)
