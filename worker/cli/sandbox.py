"""`millrace sandbox`: the simulated vendors, in a process of their own."""

from __future__ import annotations

import os
import sys

import click


@click.command(
    help="Run the simulated vendors, with faults on a dial. Options are those of `python -m sandbox`.",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def sandbox(options: tuple[str, ...]) -> None:
    """Become the sandbox: it imports nothing of ours, and we import nothing of it."""
    os.execv(sys.executable, [sys.executable, "-m", "sandbox", *options])  # noqa: S606 - our own program
