"""Every kind of fault on the dial, by name."""

from __future__ import annotations

from sandbox.fault_types import Kind
from sandbox.kinds_answers import ANSWER_KINDS
from sandbox.kinds_counts import COUNT_KINDS
from sandbox.kinds_instal import INSTAL_KINDS
from sandbox.kinds_kargo import KARGO_KINDS
from sandbox.kinds_mediamath import MEDIAMATH_KINDS
from sandbox.kinds_rokt import ROKT_KINDS
from sandbox.kinds_rows import ROW_KINDS

SECTIONS: dict[str, tuple[Kind, ...]] = {
    "Any answer": ANSWER_KINDS,
    "Rows": ROW_KINDS,
    "Counts and pages": COUNT_KINDS,
    "Kargo": KARGO_KINDS,
    "MediaMath": MEDIAMATH_KINDS,
    "Rokt": ROKT_KINDS,
    "Instal and storage": INSTAL_KINDS,
}
KINDS: dict[str, Kind] = {kind.name: kind for kinds in SECTIONS.values() for kind in kinds}
