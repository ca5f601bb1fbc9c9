"""What a kind of fault is: its name, the exchanges it can fall on, the arguments it takes, the code that makes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sandbox.http.message import Answer
from sandbox.rows import Block

if TYPE_CHECKING:
    from sandbox.exchange import Exchange

Role = Literal["token", "submit", "status", "list", "link", "page", "stream", "single", "csv"]

EVERY_ROLE: frozenset[Role] = frozenset(
    {"token", "submit", "status", "list", "link", "page", "stream", "single", "csv"}
)
JSON_ROLES: frozenset[Role] = frozenset({"page", "stream", "single"})
ROW_ROLES: frozenset[Role] = JSON_ROLES | {"csv"}

Args = Mapping[str, Any]
Edit = Callable[[Iterator[Block], Args], Iterator[Block]]
"""Takes blocks of rows and gives blocks of rows."""
Refuse = Callable[[int, str], Answer]
"""How a vendor words a refusal with this status."""
Act = Callable[["Exchange", Refuse, Args], Answer | None]
"""What happens before the vendor acts: an answer in place of the vendor's, or None."""

_WORDS = {int: "integer", float: "number", str: "text", bool: "true or false", list: "list", object: "any JSON"}


class _Required:
    """Marks an argument that has no default."""


REQUIRED = _Required()


@dataclass(frozen=True, slots=True)
class Arg:
    """One argument of a fault: its type, its default if any, what alone it may be."""

    kind: type
    default: Any = REQUIRED
    choices: tuple[Any, ...] = ()

    @property
    def is_required(self) -> bool:
        """Must a rule give it?"""
        return self.default is REQUIRED

    def accepts(self, value: Any) -> bool:
        """May a rule give this value? null may stand where null is the default."""
        if self.choices:
            return value in self.choices
        if self.kind is object or (value is None and self.default is None):
            return True
        # Before the general check, because True and False are integers to isinstance.
        if isinstance(value, bool):
            return self.kind is bool
        return isinstance(value, (int, float) if self.kind is float else self.kind)

    def wording(self) -> str:
        """Type and default, for people."""
        kind = " / ".join(f"`{json.dumps(choice)[1:-1]}`" for choice in self.choices) or _WORDS[self.kind]
        if self.is_required:
            return f"{kind}, must be given"
        return f"{kind}, default `{json.dumps(self.default, ensure_ascii=False)}`"


def roles(*names: Role) -> frozenset[Role]:
    """A set of roles."""
    return frozenset(names)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault.

    It falls on exchanges with its `roles`, of its `vendors` (none named: all four). `edit` makes it in the rows, `act`
    before the vendor answers; a kind with neither is a switch, which the vendor or the sender of the body looks at.
    """

    name: str
    roles: frozenset[Role]
    meaning: str
    args: dict[str, Arg] = field(default_factory=dict)
    vendors: frozenset[str] = frozenset()
    edit: Edit | None = None
    act: Act | None = None

    def describe(self) -> dict[str, Any]:
        """The kind as JSON."""
        return {
            "meaning": self.meaning,
            "roles": sorted(self.roles),
            "vendors": sorted(self.vendors),
            "args": {name: arg.wording() for name, arg in self.args.items()},
        }


def choice(*values: Any, default: Any = REQUIRED) -> Arg:
    """An argument that may be one of these."""
    return Arg(str, default, values)


class Kinds(list[Kind]):
    """The kinds of one section, declared where their code is: a function's name and docstring are the kind's.

    Those with code take effect in the order in which they are declared. They fall on exchanges of these vendors, or of
    all where none is named.
    """

    def __init__(self, *vendors: str) -> None:
        super().__init__()
        self._vendors = vendors

    def switch(
        self, name: str, where: frozenset[Role], meaning: str, /, *, vendors: tuple[str, ...] = (), **args: Arg
    ) -> None:
        """Declare a switch, which a vendor or the sender of the body looks at."""
        self.append(Kind(name, where, meaning, args, frozenset(vendors or self._vendors)))

    def edit(self, where: frozenset[Role], /, **args: Arg) -> Callable[[Edit], Edit]:
        """Declare a fault that changes blocks of rows."""

        def declare(function: Edit) -> Edit:
            self.append(Kind(*_described(function, where), args, edit=function))
            return function

        return declare

    def act(self, where: frozenset[Role], /, **args: Arg) -> Callable[[Act], Act]:
        """Declare a fault that falls before the vendor answers."""

        def declare(function: Act) -> Act:
            self.append(Kind(*_described(function, where), args, act=function))
            return function

        return declare


def _described(function: Callable[..., Any], where: frozenset[Role]) -> tuple[str, frozenset[Role], str]:
    return function.__name__, where, " ".join((function.__doc__ or "").split())
