"""Every kind of fault on the dial, by name, and the code of those that have some."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.faults.answers import ANSWERS, TOKENS
from sandbox.faults.body import BODIES
from sandbox.faults.counts import COUNTS
from sandbox.faults.files import FILES
from sandbox.faults.kind import Act, Edit, Kind
from sandbox.faults.lines import LINES
from sandbox.faults.rows import ROWS
from sandbox.vendors.instal.faults import INSTAL
from sandbox.vendors.kargo.faults import KARGO
from sandbox.vendors.mediamath.faults import MEDIAMATH
from sandbox.vendors.rokt.faults import ROKT

SECTIONS: dict[str, Sequence[Kind]] = {
    "Any answer": ANSWERS,
    "Any body": BODIES,
    "Tokens and submits": TOKENS,
    "CSV files": FILES,
    "Rows": ROWS,
    "Lines of a stream": LINES,
    "Counts and pages": COUNTS,
    "Kargo": KARGO,
    "MediaMath": MEDIAMATH,
    "Rokt": ROKT,
    "Instal and storage": INSTAL,
}
KINDS: dict[str, Kind] = {kind.name: kind for kinds in SECTIONS.values() for kind in kinds}

ACTS: dict[str, Act] = {name: kind.act for name, kind in KINDS.items() if kind.act}
"""In the order in which they happen."""
EDITS: dict[str, Edit] = {name: kind.edit for name, kind in KINDS.items() if kind.edit}
"""In the order in which they apply."""
