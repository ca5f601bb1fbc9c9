"""Every kind of fault on the dial, by name, and the code of those that have some."""

from __future__ import annotations

from sandbox.faults.answers import ANSWER_KINDS, TOKEN_KINDS
from sandbox.faults.body import BODY_KINDS
from sandbox.faults.counts import COUNT_KINDS
from sandbox.faults.files import FILE_KINDS
from sandbox.faults.kind import Act, Edit, Kind
from sandbox.faults.lines import LINE_KINDS
from sandbox.faults.rows import ROW_KINDS
from sandbox.vendors.instal.faults import INSTAL_KINDS
from sandbox.vendors.kargo.faults import KARGO_KINDS
from sandbox.vendors.mediamath.faults import MEDIAMATH_KINDS
from sandbox.vendors.rokt.faults import ROKT_KINDS

SECTIONS: dict[str, tuple[Kind, ...]] = {
    "Any answer": ANSWER_KINDS,
    "Any body": BODY_KINDS,
    "Tokens and submits": TOKEN_KINDS,
    "CSV files": FILE_KINDS,
    "Rows": ROW_KINDS,
    "Lines of a stream": LINE_KINDS,
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
