"""Every kind of fault on the dial, by name, and the code of those that have some."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.faults.answers import ANSWERS, TOKEN_KINDS
from sandbox.faults.body import BODY_KINDS
from sandbox.faults.counts import COUNT_KINDS
from sandbox.faults.files import FILES
from sandbox.faults.kind import Act, Edit, Kind
from sandbox.faults.lines import LINES
from sandbox.faults.rows import ROWS
from sandbox.vendors.instal.faults import INSTAL_KINDS
from sandbox.vendors.kargo.faults import KARGO_KINDS
from sandbox.vendors.mediamath.faults import MEDIAMATH_KINDS
from sandbox.vendors.rokt.faults import ROKT_KINDS

SECTIONS: dict[str, Sequence[Kind]] = {
    "Any answer": ANSWERS,
    "Any body": BODY_KINDS,
    "Tokens and submits": TOKEN_KINDS,
    "CSV files": FILES,
    "Rows": ROWS,
    "Lines of a stream": LINES,
    "Counts and pages": COUNT_KINDS,
    "Kargo": KARGO_KINDS,
    "MediaMath": MEDIAMATH_KINDS,
    "Rokt": ROKT_KINDS,
    "Instal and storage": INSTAL_KINDS,
}
KINDS: dict[str, Kind] = {kind.name: kind for kinds in SECTIONS.values() for kind in kinds}

ACTS: dict[str, Act] = {name: kind.act for name, kind in KINDS.items() if kind.act}
"""In the order in which they happen."""
EDITS: dict[str, Edit] = {name: kind.edit for name, kind in KINDS.items() if kind.edit}
"""In the order in which they apply."""
