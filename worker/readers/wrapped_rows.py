"""Takes rows out of objects that each hold one: `[{"header": {}}, {"row": {}}, {"row": {}}, {"footer": {}}]`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial

import msgspec

from worker.errors import FailJob
from worker.json_path import find
from worker.model import DeadRow, Row, Rows
from worker.readers.row_errors import RowErrors
from worker.sources.schema import ErrorShape
from worker.vendor_errors import Finder, error_in, excerpt

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class WrappedRows:
    """Rows at a path such as `*.row`: an object in each member of the list at `list_at`, kept byte for byte.

    A member without that object holds no row. Declared errors are looked for in each member.
    """

    def __init__(self, path: str, errors: Iterable[ErrorShape]) -> None:
        before, _, after = path.rpartition("*")
        self.list_at = before.removesuffix(".")
        self._inside = after.removeprefix(".")
        errors = list(errors)
        self._errors = [(shape.when.partition(".")[0], shape) for shape in errors]
        self._member_errors = RowErrors(self.list_at, errors)

    def take(self, members: Rows, before: int, around: Finder) -> Rows:
        """The rows in these members, which `before` rows precede; `around` finds what is not in the list.

        Raises a declared error, and FailJob if there is anything but an object in place of a row.
        """
        self._member_errors.check(members, before, around)
        rows: list[Row] = []
        for member in members:
            # msgspec refuses half a surrogate pair: such a member is set aside whole.
            row = member if isinstance(member, DeadRow) else self._row_in(member, before + len(rows) + 1)
            if row is not None:
                rows.append(row)
        return Rows.of(rows)

    def _row_in(self, member: Row, number: int) -> Row | None:
        inside = _MEMBERS.decode(member)
        shapes = [shape for name, shape in self._errors if name in inside]
        if shapes and (error := error_in(partial(find, json.loads(member)), shapes)):
            raise error.failure(f"the vendor answered with an error: {error.words}")
        first, *others = self._inside.split(".")
        found = bytes(inside.get(first, b"null"))
        for name in others:
            found = bytes(_MEMBERS.decode(found).get(name, b"null")) if found.startswith(b"{") else found
        if found == b"null":
            return None
        if not found.startswith(b"{"):
            raise FailJob(f"row {number}: expected an object at {self._inside!r}, got: {excerpt(found)}")
        return found
