"""Pages that only the page before them knows: by a link, or by a token."""

from __future__ import annotations

from collections.abc import Callable

from worker.errors import FailJob
from worker.model import Facts
from worker.paging.pager import Address, Addresses, Following
from worker.sources.schema import TokenPaging

MOST_EMPTY_ANSWERS = 20


class Chained:
    """Pages in a chain: each names the next, the last names none.

    An empty answer that names a next one ends nothing, since vendors filter after they page; it is read past. A chain
    of empty answers fails, and so does one that comes back to where it was.
    """

    is_addressable = False

    def __init__(self, at: Callable[[str], Address]) -> None:
        self._at = at

    def planned(self, total: int | None, total_pages: int | None) -> int:
        return 1

    def addresses(self, number: int, link: str | None, facts: Facts) -> Addresses:
        seen = {link}
        rows = yield Address() if link is None else self._at(link)
        while facts.next is not None:
            if facts.next in seen:
                raise FailJob(f"page {number} leads to a page that was read before")
            if rows:
                return
            if len(seen) > MOST_EMPTY_ANSWERS:
                raise FailJob(f"{MOST_EMPTY_ANSWERS} empty answers in a row from page {number} on, each naming a next")
            seen.add(facts.next)
            rows = yield self._at(facts.next)

    def following(self, number: int, rows: int, facts: Facts, planned: int) -> Following:
        return Following(planned) if facts.next is None else Following(max(planned, number + 1), facts.next)


def by_link() -> Chained:
    """Pages by the address each gives of the next."""
    return Chained(lambda link: Address(link=link))


def by_token(paging: TokenPaging) -> Chained:
    """Pages by a token each gives, to be sent with the same request."""

    def at(token: str) -> Address:
        sent = {paging.param: token}
        if paging.place == "json":
            return Address(json_parts=sent, values={"token": token})
        return Address(query=sent, values={"token": token})

    return Chained(at)
