"""Faults of MediaMath: the variants on which its prose and its machine-readable definition disagree."""

from __future__ import annotations

from sandbox.faults.kind import Kinds

MEDIAMATH = Kinds("mediamath")

MEDIAMATH.switch("uncapped_total", {"stream"}, "The header counts all rows although max_results sends fewer.")
