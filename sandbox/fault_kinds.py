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

_ALL = (*ANSWER_KINDS, *ROW_KINDS, *COUNT_KINDS, *KARGO_KINDS, *MEDIAMATH_KINDS, *ROKT_KINDS, *INSTAL_KINDS)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
