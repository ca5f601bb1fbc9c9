"""Paging by a next link or a token: only the page before knows a page's address."""

from __future__ import annotations

import re
from collections.abc import Callable

from worker.errors import FailJob
from worker.model import PageFacts
from worker.paging.pager import Address, Addresses, NextPages, build_address
from worker.sources.schema import LinkPaging, TokenPaging

MOST_EMPTY_ANSWERS = 20

# An address must not contain `<`; otherwise a hostile header of many `<` would take quadratic time.
_LINK = re.compile(r"<([^<>]*)>((?:[^,\"<]|\"(?:[^\"\\]|\\.)*\")*)")
# The value may be in single quotes, which is not allowed but done.
_PARAMETER = re.compile(r";\s*([^\s;,=\"]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|([^\s;,\"]+))")
_SAYS_NEXT = re.compile(r"\brel\s*=\s*[\"']?next\b", re.IGNORECASE)
LONGEST_HEADER = 65_536


class Chain:
    """Pages that each name the next one; the last page names none, or says that nothing follows.

    An empty answer that names a next page is not the end, unless the source file says so: some vendors filter rows
    after dividing them into pages. An empty answer that names itself is the end, because some vendors repeat the last
    cursor for ever, unless it says that more follow. Many empty answers in a row fail the job, and so does a link that
    was followed before.
    """

    is_addressable = False
    size = None

    def __init__(self, paging: LinkPaging | TokenPaging, cursor_name: str, at: Callable[[str], Address]) -> None:
        self.cursor_name = cursor_name
        self._ends_with_empty = paging.ends_with == "empty"
        self._at = at

    def plan(self, total: int | None) -> int:
        return 1

    def addresses(self, number: int, link: str | None, total: int | None) -> Addresses:
        asked, seen = link, {link}
        answer = yield Address() if link is None else self._at(link)
        while not answer.is_declared_last:
            following = answer.next
            if following is None and answer.has_more:
                raise FailJob(f"page {number} says that more pages follow, but has no link or token to the next")
            names_itself = following == asked and not answer.has_more
            if following is None or (not answer.rows and (self._ends_with_empty or names_itself)):
                return None
            if following in seen:
                raise FailJob(f"page {number} links to a page that was read before")
            if answer.rows:
                return following
            if len(seen) > MOST_EMPTY_ANSWERS:
                raise FailJob(
                    f"{MOST_EMPTY_ANSWERS} empty answers in a row from page {number} on, each naming a next one"
                )
            seen.add(following)
            asked = following
            answer = yield self._at(following)
        return None

    def follow(self, number: int, page: PageFacts, planned: int) -> NextPages:
        return NextPages(planned) if page.next is None else NextPages(max(planned, number + 1), page.next)


def by_link(paging: LinkPaging) -> Chain:
    """Pages that each have a link to the next."""
    return Chain(paging, "its own next link", lambda link: Address(link=link, is_probe=True))


def by_token(paging: TokenPaging) -> Chain:
    """Pages that each have a token for the next, which is sent with the same request."""

    def at(token: str) -> Address:
        return build_address(paging.place, {paging.param: token}, values={"token": token}, is_probe=True)

    return Chain(paging, f"`{paging.param}`", at)


def next_in_link_header(header: str) -> str | None:
    """The address of the next page in a `Link` header (RFC 8288); None if there is none.

    Raises FailJob if the header speaks of a next page but cannot be read: this page would be taken for the last.
    """
    header = header[:LONGEST_HEADER]
    for address, parameters in _LINK.findall(header):
        for name, *forms in _PARAMETER.findall(parameters):
            if name.lower() == "rel" and "next" in "".join(forms).lower().split():
                return address.strip() or None
    if _SAYS_NEXT.search(header):
        # Its own text is not shown: the query of an address may hold a key.
        raise FailJob('the `Link` header names a next page, but not as `<address>; rel="next"`')
    return None
