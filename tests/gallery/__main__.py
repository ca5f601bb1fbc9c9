"""Serves one of these vendors on loopback until it is interrupted: `python -m tests.gallery amazon-ads [SOURCE]`.

What it prints is a connections file with one account there, called as the source is: the packaged one, or yours.
"""

from __future__ import annotations

import sys
import threading
from contextlib import suppress

import yaml

from tests.fake_vendor import FakeVendor
from tests.gallery.amazon_ads import AmazonAds
from tests.gallery.meta import Meta
from tests.gallery.table import CLIENTS
from tests.gallery.the_trade_desk import TheTradeDesk
from tests.gallery.tiktok import TikTok

# Those whose tokens come from an address that a connection may name.
SERVED = {"amazon-ads": AmazonAds, "meta": Meta, "the-trade-desk": TheTradeDesk, "tiktok": TikTok}


def main() -> None:
    """Print the connection, and serve."""
    name, source = sys.argv[1] if len(sys.argv) in (2, 3) else "", sys.argv[-1]
    if name not in SERVED:
        sys.exit(f"usage: python -m tests.gallery {{{','.join(SERVED)}}} [SOURCE]")
    with FakeVendor(SERVED[name]()) as vendor, suppress(KeyboardInterrupt):
        credentials = dict(CLIENTS[name])
        if name == "amazon-ads":
            credentials["auth_url"] = f"{vendor.base}/token"
        account = {"source": source, "base_url": vendor.base, "credentials": credentials}
        print(yaml.safe_dump({source: account}, sort_keys=False), end="", flush=True)  # noqa: T201 - its one output
        threading.Event().wait()


if __name__ == "__main__":
    main()
