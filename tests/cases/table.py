"""Every case there is. A new area: one file beside this one and one line here."""

from __future__ import annotations

from tests.cases import errors, files, paging, preparation, rows, transport
from tests.cases.case import Case

CASES: tuple[Case, ...] = (
    *errors.CASES,
    *files.CASES,
    *paging.CASES,
    *preparation.CASES,
    *rows.CASES,
    *transport.CASES,
)
