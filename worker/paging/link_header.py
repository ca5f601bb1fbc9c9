"""The next page's address in a `Link` header (RFC 8288)."""

from __future__ import annotations

import re

# No `<` within an address: else every `<` of a hostile header would be a start, and the search quadratic.
_LINK = re.compile(r"<([^<>]*)>((?:[^,\"<]|\"(?:[^\"\\]|\\.)*\")*)")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)


def next_in(header: str) -> str | None:
    """The first link whose relations include `next`; None where there is none."""
    for address, parameters in _LINK.findall(header[:65_536]):
        relation = _REL.search(parameters)
        if relation and "next" in (relation[1] or relation[2] or "").lower().split():
            return address.strip() or None
    return None
