"""Every kind of fault on the dial, by name, and the code of those that have some, in the order in which it applies."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.faults.answers import ANSWERS, SUBMITS
from sandbox.faults.body import BODIES
from sandbox.faults.counts import COUNTS
from sandbox.faults.files import FILES
from sandbox.faults.kind import Edit, Kind, Wrap
from sandbox.faults.lines import LINES
from sandbox.faults.rows import ROWS
from sandbox.faults.tokens import TOKENS
from sandbox.vendors.instal.faults import INSTAL
from sandbox.vendors.kargo.faults import KARGO
from sandbox.vendors.mediamath.faults import MEDIAMATH
from sandbox.vendors.rokt.faults import ROKT

SECTIONS: dict[str, Sequence[Kind]] = {
    "Tokens and submits": [*TOKENS, *SUBMITS],
    "Any answer": ANSWERS,
    "Any body": BODIES,
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

WRAPS: dict[str, Wrap] = {name: kind.wrap for name, kind in KINDS.items() if kind.wrap}
"""The first one is around the vendor's answer, each further one around the one before."""
EDITS: dict[str, Edit] = {name: kind.edit for name, kind in KINDS.items() if kind.edit}
