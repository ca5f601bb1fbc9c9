"""`python -m sandbox`: the simulated vendors in a process of their own."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from sandbox.app import Sandbox
from sandbox.faults.dial import BadRule
from sandbox.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Start, say where everything is, stay until SIGTERM or SIGINT."""
    options = vars(_parser().parse_args(arguments))
    settings = {name: value for name, value in options.items() if name in Settings.model_fields and value is not None}
    try:
        faults = json.loads(options["faults"])
        sandbox = Sandbox(
            options["port"],
            storage_port=options["storage_port"],
            host=options["host"],
            announced_host=options["announced_host"],
            faults=faults,
            **settings,
        )
    except (ValidationError, BadRule, ValueError, OSError) as reason:
        print(f"sandbox: {reason}", file=sys.stderr)  # noqa: T201 - a program's own messages
        return 2
    stopping = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stopping.set())
    with sandbox:
        said = sandbox.announcement() if options["announce"] == "json" else sandbox.exports()
        print(said, flush=True)  # noqa: T201 - the promised lines
        stopping.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--announced-host", help="host in URLs and links, where clients know it by another name")
    parser.add_argument("--port", type=int, default=0, help="port of the vendors; 0: any free one (default)")
    parser.add_argument("--storage-port", type=int, default=0, help="port of the storage host; 0: any free one")
    parser.add_argument(
        "--announce", choices=["json", "shell"], default="json",
        help="one JSON object (default), or lines to paste into a shell",
    )  # fmt: skip
    parser.add_argument("--faults", default="[]", metavar="JSON", help="the rules the dial begins with")
    for name, field in Settings.model_fields.items():
        kind: Any = json.loads if name == "rows_by_report" else type(field.default)
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help=field.description)
    return parser


if __name__ == "__main__":
    sys.exit(main())
