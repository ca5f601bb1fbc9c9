"""Pages that only the page before them knows: by a link, or by a token."""

from __future__ import annotations

from collections.abc import Callable

from worker.errors import FailJob
from worker.model import PageFacts
from worker.paging.pager import Address, Addresses, Following, sent_in
from worker.sources.schema import LinkPaging, TokenPaging

MOST_EMPTY_ANSWERS = 20


class Chain:
    """Pages in a chain: each names the next, the last names none, or says that nothing follows.

    An empty answer that names a next one ends nothing unless the source says so, since vendors filter after they page;
    it is read past. One that names itself is an end: some vendors repeat the last cursor for good. A chain of empty
    answers fails, and so does one that comes back to where it was.
    """

    is_addressable = False

    def __init__(self, paging: LinkPaging | TokenPaging, moved_by: str, at: Callable[[str], Address]) -> None:
        self.moved_by = moved_by
        self._ends_with_empty = paging.ends_with == "empty"
        self._at = at

    def planned(self, total: int | None, total_pages: int | None) -> int:
        return 1

    def addresses(self, number: int, link: str | None, total: int | None) -> Addresses:
        asked, seen = link, {link}
        answer = yield Address() if link is None else self._at(link)
        while (following := self._named_by(answer, number)) is not None:
            if not answer.rows and (self._ends_with_empty or following == asked):
                return None
            if following in seen:
                raise FailJob(f"page {number} leads to a page that was read before")
            if answer.rows:
                return following
            if len(seen) > MOST_EMPTY_ANSWERS:
                raise FailJob(f"{MOST_EMPTY_ANSWERS} empty answers in a row from page {number} on, each naming a next")
            seen.add(following)
            asked = following
            answer = yield self._at(following)
        return None

    def following(self, number: int, page: PageFacts, planned: int) -> Following:
        return Following(planned) if page.next is None else Following(max(planned, number + 1), page.next)

    def _named_by(self, answer: PageFacts, number: int) -> str | None:
        """The next link or token an answer names; None where nothing follows."""
        if answer.is_last or answer.has_more is False:
            return None
        if answer.has_more and answer.next is None:
            raise FailJob(f"page {number} says that more follows, and not where")
        return answer.next


def by_link(paging: LinkPaging) -> Chain:
    """Pages by the address each gives of the next."""
    return Chain(paging, "its own next link", lambda link: Address(link=link, is_probe=True))


def by_token(paging: TokenPaging) -> Chain:
    """Pages by a token each gives, to be sent with the same request."""

    def at(token: str) -> Address:
        return sent_in(paging.place, {paging.param: token}, values={"token": token}, is_probe=True)

    return Chain(paging, f"`{paging.param}`", at)
