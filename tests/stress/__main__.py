"""`make stress`: at least 200 SIGKILLs over at least 1,000,000 rows, in pages and as one long stream."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.stress.storm import Damage, storm_over


def main() -> int:
    """Storm until enough was killed over enough rows; exit 0 only if no row was lost, doubled or out of order."""
    parser = argparse.ArgumentParser(prog="python -m tests.stress", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each report (default %(default)s)")
    parser.add_argument("--kills", type=int, default=200, help="SIGKILLs in all (default %(default)s)")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="of the moments and victims")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory(prefix="millrace-stress-") as directory:
        damage = storm_over(Path(directory), options.rows, options.kills, options.seed, say=print)
    show(damage)
    return 0 if all(shape.is_none for shape in damage.values()) else 1


def show(damage: dict[str, Damage]) -> None:
    """The table for docs/reliability.md."""
    names = ("lost", "doubled", "out_of_order", "unfinished", "reports", "rows", "generations")
    for shape, found in damage.items():
        print(f"\n{shape}")
        for name in names:
            print(f"  {name.replace('_', ' '):32} {getattr(found, name):>12,}")
        print(f"  {'SIGKILLs':32} {found.sigkills:>12,}")
        for what, count in sorted(found.kills.items()):
            print(f"    {what:30} {count:>12,}")
        print(f"  {'seconds':32} {found.seconds:>12,.0f}")


if __name__ == "__main__":
    sys.exit(main())
