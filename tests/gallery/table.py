"""Every pull there is. A new source: one file beside this one and one line in each table."""

from __future__ import annotations

from tests.gallery import amazon_ads, google_ads, meta, microsoft_ads, the_trade_desk, tiktok
from tests.gallery.pull import Pull

CLIENTS: dict[str, dict[str, str]] = {
    "amazon-ads": amazon_ads.CLIENT,
    "google-ads": google_ads.CLIENT,
    "meta": meta.CLIENT,
    "microsoft-ads": microsoft_ads.CLIENT,
    "the-trade-desk": the_trade_desk.CLIENT,
    "tiktok": tiktok.CLIENT,
}
"""What each vendor knows our account by."""

_TABLES: dict[str, dict[str, Pull]] = {
    "amazon-ads": amazon_ads.PULLS,
    "google-ads": google_ads.PULLS,
    "meta": meta.PULLS,
    "microsoft-ads": microsoft_ads.PULLS,
    "the-trade-desk": the_trade_desk.PULLS,
    "tiktok": tiktok.PULLS,
}

PULLS = {f"{source}: {name}": pull for source, table in _TABLES.items() for name, pull in table.items()}
