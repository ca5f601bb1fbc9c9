"""One caller fetches the token for all, and a late token from an old turn changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import fakeredis
import pytest

from tests.ledgers import Clock
from tests.ledgers import clock as clock
from worker.transport.login import slow_hash
from worker.transport.tokens import TURN_SECONDS, Grant, OwnTokens, SharedTokens, Tokens, Turn, Wait


@pytest.fixture(params=["shared", "own"])
def tokens(request: pytest.FixtureRequest, clock: Clock) -> Iterator[Callable[[], Tokens]]:
    """Makes the same store again, as another worker would."""
    if request.param == "own":
        own = OwnTokens(clock=clock)
        yield lambda: own
        return
    server = fakeredis.FakeServer(version=(6, 2))
    yield lambda: SharedTokens(fakeredis.FakeRedis(server=server), "acme", "place", clock=clock)


Make = Callable[[], Tokens]


def turn_of(tokens: Tokens, refused: str = "") -> Turn:
    turn = tokens.take(refused)
    assert isinstance(turn, Turn)
    return turn


def test_the_first_caller_fetches_and_the_others_use_what_it_fetched(tokens: Make) -> None:
    turn = turn_of(tokens())
    assert turn.good is None
    assert tokens().take() == Wait(pytest.approx(TURN_SECONDS))
    kept = tokens().keep(turn, Grant("t1", 3600))
    assert kept.value == "t1"
    assert tokens().take() == kept


def test_a_token_is_renewed_ahead_of_its_end_by_one_caller_while_the_others_go_on(tokens: Make, clock: Clock) -> None:
    first = tokens().keep(turn_of(tokens()), Grant("t1", 100))
    clock.now += 79
    assert tokens().take() == first
    clock.now += 2
    renewal = turn_of(tokens())
    assert renewal.good == first
    assert tokens().take() == first
    second = tokens().keep(renewal, Grant("t2", 100))
    assert tokens().take() == second


def test_a_token_past_its_end_is_not_given_out(tokens: Make, clock: Clock) -> None:
    tokens().keep(turn_of(tokens()), Grant("t1", 100))
    clock.now += 100
    assert turn_of(tokens()).good is None
    assert isinstance(tokens().take(), Wait)


def test_a_refused_token_is_renewed_once_however_many_were_refused(tokens: Make) -> None:
    first = tokens().keep(turn_of(tokens()), Grant("t1", 3600))
    turn = turn_of(tokens(), refused=first.version)
    assert turn.good is None
    assert isinstance(tokens().take(first.version), Wait)
    second = tokens().keep(turn, Grant("t2", 3600))
    assert tokens().take(first.version) == second
    assert tokens().take() == second


def test_a_turn_that_is_never_ended_expires_and_its_late_token_is_not_kept(tokens: Make, clock: Clock) -> None:
    lost = turn_of(tokens())
    clock.now += TURN_SECONDS + 1
    turn = turn_of(tokens())
    assert turn.fence > lost.fence
    kept = tokens().keep(turn, Grant("new", 3600))
    # The fence of its turn is older than the one that followed.
    tokens().keep(lost, Grant("late", 3600))
    tokens().leave(lost, rest_seconds=1000)
    assert tokens().take() == kept


def test_a_turn_given_up_is_free_at_once_or_after_a_rest(tokens: Make, clock: Clock) -> None:
    tokens().leave(turn_of(tokens()))
    tokens().leave(turn_of(tokens()), rest_seconds=5)
    assert tokens().take() == Wait(pytest.approx(5), is_rest=True)
    clock.now += 5
    turn_of(tokens())
    assert tokens().take() == Wait(pytest.approx(TURN_SECONDS))


def test_a_refresh_token_outlives_the_token_it_came_with(tokens: Make, clock: Clock) -> None:
    tokens().keep(turn_of(tokens()), Grant("t1", 100, refresh="r1"))
    clock.now += 1_000
    turn = turn_of(tokens())
    assert (turn.refresh, turn.good) == ("r1", None)
    tokens().keep(turn, Grant("t2", 100))
    clock.now += 1_000
    assert turn_of(tokens()).refresh is None


def test_every_token_has_a_version_of_its_own(tokens: Make) -> None:
    token = tokens().keep(turn_of(tokens()), Grant("t0", 3600))
    versions = {token.version}
    for n in range(1, 5):
        token = tokens().keep(turn_of(tokens(), token.version), Grant(f"t{n}", 3600))
        versions.add(token.version)
    assert len(versions) == 5


def test_a_tokens_place_changes_with_address_and_credentials_and_tells_neither() -> None:
    places = {
        slow_hash("https://a.example", "/v1", "user", "password"),
        slow_hash("https://b.example", "/v1", "user", "password"),
        slow_hash("https://a.example", "/v1", "user", "Password"),
        slow_hash("https://a.example", "/v1", "userpassword", ""),
    }
    assert len(places) == 4
    assert all("password" not in place and len(place) == 16 for place in places)
