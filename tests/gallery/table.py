"""The table of all pulls. A new source needs a file beside this one and a line here."""

from __future__ import annotations

from tests.gallery import (
    amazon_ads,
    declared,
    google_ads,
    linkedin,
    meta,
    microsoft_ads,
    pinterest,
    the_trade_desk,
    tiktok,
)
from tests.gallery.pull import Pull

SOURCES = {
    "amazon-ads": amazon_ads,
    "google-ads": google_ads,
    "linkedin": linkedin,
    "meta": meta,
    "microsoft-ads": microsoft_ads,
    "pinterest": pinterest,
    "the-trade-desk": the_trade_desk,
    "tiktok": tiktok,
}
CLIENTS: dict[str, dict[str, str]] = {source: module.CLIENT for source, module in SOURCES.items()}
"""What each vendor knows our account by."""

PULLS: dict[str, Pull] = {
    **{f"{source}: {name}": pull for source, module in SOURCES.items() for name, pull in module.PULLS.items()},
    **{f"declared: {name}": pull for name, pull in declared.PULLS.items()},
}
