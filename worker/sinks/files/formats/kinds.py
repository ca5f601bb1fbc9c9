"""The formats by the word in an address. To add one: a module, and a line here."""

from __future__ import annotations

from pathlib import Path

from worker.sinks.files.compression import COMPRESSIONS
from worker.sinks.files.formats.comma_separated import CSV
from worker.sinks.files.formats.ndjson import NDJSON
from worker.sinks.files.formats.parquet import PARQUET
from worker.sinks.files.formats.row_format import Format

FORMATS = {"ndjson": NDJSON, "csv": CSV, "parquet": PARQUET}


def suffix(kind: Format, compression: str) -> str:
    """The ending of the names of a format's files. A format that compresses by itself has no compression suffix."""
    return kind.suffix if kind.packs_itself else f"{kind.suffix}{COMPRESSIONS[compression].suffix}"


def format_of(path: Path) -> Format:
    """The format of a file that Millrace wrote, by its name."""
    return next(kind for kind in FORMATS.values() if kind.suffix in path.suffixes)
