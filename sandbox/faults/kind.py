"""Kinds of faults: name, exchanges that a kind can fall on, arguments, and the code that causes the fault."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from inspect import signature
from typing import Any, Literal, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model
from pydantic.fields import FieldInfo

from sandbox.http.message import Answer
from sandbox.rows import Block

Role = Literal["token", "submit", "status", "list", "link", "page", "stream", "single", "csv"]

EVERY_ROLE: frozenset[Role] = frozenset(get_args(Role))
JSON_ROLES: frozenset[Role] = frozenset({"page", "stream", "single"})
ROW_ROLES: frozenset[Role] = JSON_ROLES | {"csv"}

Args = Mapping[str, Any]
Edit = Callable[..., Iterator[Block]]
"""Takes blocks of rows, the exchange and the arguments of the fault; yields blocks of rows."""
Wrap = Callable[..., Answer]
"""Takes a function that asks the vendor, the exchange and the arguments of the fault; returns an answer."""

_Code = TypeVar("_Code", bound=Callable[..., Any])
_WORDS = {int: "integer", float: "number", str: "text", bool: "true or false", Any: "any JSON"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault.

    It falls on exchanges with its `roles`, of its `vendors` (if empty: of all). `edit` changes rows, `wrap` the answer;
    a kind with neither is a switch, which the code of the vendor checks.
    """

    name: str
    roles: frozenset[Role]
    meaning: str
    args: type[BaseModel]
    vendors: frozenset[str] = frozenset()
    edit: Edit | None = None
    wrap: Wrap | None = None

    def describe(self) -> dict[str, Any]:
        """The kind as JSON, its arguments in words."""
        return {
            "meaning": self.meaning,
            "roles": sorted(self.roles),
            "vendors": sorted(self.vendors),
            "args": {name: _describe(field) for name, field in self.args.model_fields.items()},
        }


def _describe(arg: FieldInfo) -> str:
    default = "must be given" if arg.is_required() else f"default `{json.dumps(arg.default, ensure_ascii=False)}`"
    # Either the choices of a Literal, or the types of `int | None`, of which only the first is described.
    first, *others = get_args(arg.annotation) or (arg.annotation,)
    kind = _WORDS.get(first) or " / ".join(f"`{json.dumps(choice)[1:-1]}`" for choice in (first, *others))
    return f"{kind}, {default}"


class Kinds(list[Kind]):
    """The kinds of one section, for exchanges of these vendors, or of all if none is given.

    A kind with code is declared by decorating a function, from which it takes name, docstring and keyword arguments.
    Kinds take effect in the order of their declarations.
    """

    def __init__(self, *vendors: str) -> None:
        super().__init__()
        self._vendors = vendors

    def switch(self, name: str, roles: Set[Role], meaning: str, /, *vendors: str, **args: Any) -> None:
        """Declare a kind without code. Each argument is given as its type, or as a pair of type and default."""
        self.append(Kind(name, frozenset(roles), meaning, _model(name, args), frozenset(vendors or self._vendors)))

    def edit(self, roles: Set[Role]) -> Callable[[_Code], _Code]:
        """Declare a fault that changes blocks of rows."""
        return lambda function: self.declare(function, roles, edit=function)

    def wrap(self, roles: Set[Role] = EVERY_ROLE) -> Callable[[_Code], _Code]:
        """Declare a fault that replaces the vendor's answer or changes it."""
        return lambda function: self.declare(function, roles, wrap=function)

    def declare(
        self, function: _Code, roles: Set[Role], *, edit: Edit | None = None, wrap: Wrap | None = None, **args: Any
    ) -> _Code:
        """Declare a fault that this function describes; it takes `args` in addition to the function's own arguments."""
        # At run time, modules of faults cannot import Exchange, because its module imports them.
        hints = get_type_hints(function, localns={"Exchange": Any})
        for arg in signature(function).parameters.values():
            if arg.kind is arg.KEYWORD_ONLY:
                args[arg.name] = hints[arg.name] if arg.default is arg.empty else (hints[arg.name], arg.default)
        name, meaning = function.__name__, " ".join((function.__doc__ or "").split())
        self.append(Kind(name, frozenset(roles), meaning, _model(name, args), frozenset(self._vendors), edit, wrap))
        return function


def _model(name: str, args: Mapping[str, Any]) -> type[BaseModel]:
    fields: dict[str, Any] = {arg: given if isinstance(given, tuple) else (given, ...) for arg, given in args.items()}
    return create_model(name, __config__=ConfigDict(extra="forbid", strict=True), **fields)
