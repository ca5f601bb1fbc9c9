"""Runs the simulated vendors in a process of their own."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from sandbox.app import Sandbox
from sandbox.settings import Settings, explain


def main(arguments: Sequence[str] | None = None) -> int:
    """Start, print the addresses, and run until SIGTERM or SIGINT; returns the exit code."""
    # `millrace sandbox` replaces itself with this program, and its help should name the command that the user typed.
    parser = argparse.ArgumentParser(os.environ.get("SANDBOX_PROGRAM", "python -m sandbox"), description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--announced-host", help="host in URLs and links, if clients use another name than --host")
    parser.add_argument("--port", type=int, default=0, help="port of the vendors (default: any free one)")
    parser.add_argument("--storage-port", type=int, default=0, help="port of the storage host (default: any free one)")
    parser.add_argument(
        "--json", action="store_true", help="print all addresses as one JSON object, not as lines for a shell"
    )
    parser.add_argument(
        "--faults", type=_json, default=[], metavar="JSON", help="the rules of faults at the start, a JSON list"
    )
    for name, field in Settings.model_fields.items():
        kind: Any = _json if name == "rows_by_report" else type(field.default)
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help=field.description)
    options = vars(parser.parse_args(arguments))
    is_json = options.pop("json")
    try:
        sandbox = Sandbox(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as errors:
        return _refuse(explain(errors))
    except (ValueError, OSError, OverflowError) as reason:
        return _refuse(str(reason))
    stopping = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stopping.set())
    with sandbox:
        print(sandbox.announcement() if is_json else sandbox.exports(), flush=True)  # noqa: T201 - the promised lines
        stopping.wait()
    return 0


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as mistake:
        raise argparse.ArgumentTypeError(f"not valid JSON: {mistake}") from None


def _refuse(reason: str) -> int:
    print(f"sandbox: {reason}", file=sys.stderr)  # noqa: T201 - a program's own messages
    return 2


if __name__ == "__main__":
    sys.exit(main())
