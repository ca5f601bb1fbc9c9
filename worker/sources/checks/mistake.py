"""A mistake in a source file, as the checks find it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from worker.errors import BadInput
from worker.sources.yaml_files import Place

FIELD_NAME = object()


class Mistake(NamedTuple):
    """Where something is wrong, what is allowed there, and what was given.

    By default the name of the field is given, for a field that should not be there. `inside` is appended to the place.
    """

    place: Place
    allowed: str
    given: object = FIELD_NAME
    inside: str = ""


def below(place: Place, mistakes: Iterable[Mistake]) -> Iterator[Mistake]:
    """Mistakes in a part of a file, with their places in the whole; `place` is that of the part."""
    return (mistake._replace(place=(*place, *mistake.place)) for mistake in mistakes)


def refusal_of(place: Place, check: Callable[[], object]) -> Iterator[Mistake]:
    """The BadInput that `check` raises, as a mistake at this place; none if it raises none."""
    try:
        check()
    except BadInput as error:
        yield refusal(place, error)


def refusal(place: Place, error: BadInput) -> Mistake:
    """An error as a mistake at this place; its `where` must begin there, with nothing."""
    return Mistake(place, error.allowed, error.given, error.where)
