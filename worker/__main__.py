"""`python -m worker` is the `millrace` command."""

from worker.cli import main

main()
