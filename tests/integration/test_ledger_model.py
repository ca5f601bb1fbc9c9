"""A job is never stuck and never held by two workers, for any sequence of workers, deaths, verdicts and sweeps."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis import Redis

from worker import keys
from worker.ledger import Ledger
from worker.model import FINISHED, Checkpoint, Job, Lease

# Between the 11 and the 21 s that pass at a time: a lease outlives the one and not the other.
LEASE_SECONDS = 20.0
PAGES = 3
MOVES = {
    "queued": {"pending", "ready", "failed", "cancelled"},
    "pending": {"ready", "queued", "failed", "cancelled"},
    "ready": {"streaming", "failed", "cancelled"},
    "streaming": {"streamed", "ready", "failed", "cancelled"},
    "streamed": {"done", "ready", "streaming", "failed", "cancelled"},
    "done": set(),
    "failed": {"queued", "pending"},
    "cancelled": {"queued", "pending"},
}


class JobLife(RuleBasedStateMachine):
    """Several workers on one job, each with the leases that it believes to hold."""

    redis: Redis

    def __init__(self) -> None:
        super().__init__()
        self.redis.flushall()
        self.now = 1_000_000.0
        self.ledger = Ledger(self.redis, lease_seconds=LEASE_SECONDS, clock=lambda: self.now)
        fields = {"connection": "c", "report": "r", "source_digest": "d", "params": "{}", "window": "null", "sink": "s"}
        self.ledger.make("j", fields, fingerprint="f", may_join=True, ready_within=1e6, finish_within=1e6)
        self.leases: list[Lease] = []
        self.live: dict[int, Lease] = {}
        self.state = "queued"
        self.generation = 1

    def job(self) -> Job:
        job = self.ledger.job("j")
        assert job
        return job

    def note_taken(self, answer: Lease | str) -> None:
        """A lease is only ever given while no other one on the same work is live."""
        if isinstance(answer, str):
            return
        # The earlier holder may not know yet: a greater token is what refuses its writes.
        other = self.live.get(answer.page)
        assert other is None or other.token < answer.token
        self.leases.append(answer)
        self.live[answer.page] = answer

    @initialize(
        state=st.sampled_from(["queued", "pending", "streaming", "streamed"]),
        closed=st.integers(0, PAGES - 1),
        taken=st.integers(0, PAGES),
    )
    def begin(self, state: str, closed: int, taken: int) -> None:
        """Lives begin in any state: few of those that begin with a new job would ever close its last page."""
        if state != "queued":
            self.ledger.move(self.held(self.ledger.take("j", "queued")), "pending")
        if state in {"streaming", "streamed"}:
            self.ledger.move(self.held(self.ledger.take("j", "pending")), "ready")
            self.ledger.plan(self.held(self.ledger.take("j", "ready")), PAGES, at_once=2)
            for page in range(1, (closed if state == "streaming" else PAGES) + 1):
                self.close(self.held(self.ledger.take_page("j", page)))
            for page in range(closed + 1, taken + 1):
                self.a_worker_takes_a_page(page)
        self.state = state

    @staticmethod
    def held(answer: Lease | str) -> Lease:
        assert isinstance(answer, Lease)
        return answer

    # ------------------------------------------------------------ what happens

    @rule(seconds=st.sampled_from([1.0, 11.0, 21.0, 400.0, -30.0, -4000.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_worker_takes_the_step(self) -> None:
        self.note_taken(self.ledger.take("j", "queued", "pending", "ready", "streamed", "verdict"))

    @rule(page=st.integers(1, PAGES + 1))
    def a_worker_takes_a_page(self, page: int) -> None:
        self.note_taken(self.ledger.take_page("j", page))

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), to=st.sampled_from(["pending", "ready"]))
    def a_worker_moves_the_job(self, data: st.DataObject, to: str) -> None:
        held = data.draw(st.sampled_from(self.leases))
        allowed = {("queued", "pending"), ("queued", "ready"), ("pending", "pending"), ("pending", "ready")}
        if held.page == 0 and (held.job.state, to) in allowed:
            self.ledger.move(held, to, poll=held.job.poll + 1, vendor_report_id="x")

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def a_worker_plans(self, data: st.DataObject) -> None:
        held = data.draw(st.sampled_from(self.leases))
        if held.page == 0:
            out = self.ledger.plan(held, PAGES, at_once=2)
            assert out is None or out == [1, 2]

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def a_worker_closes_its_page(self, data: st.DataObject) -> None:
        held = data.draw(st.sampled_from(self.leases))
        if held.page:
            before = self.job().closed
            was_closed = bool(self.redis.hexists(keys.pages("j"), f"{held.page}.closed"))
            outcome = self.close(held)
            assert self.job().closed - before == (outcome in {"closed", "streamed"} and not was_closed)

    def close(self, held: Lease) -> str:
        outcome, _ = self.ledger.close_page(
            held, Checkpoint(), planned=0, link=None, total=9, last_count=None, at_once=2
        )
        return outcome

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), rows=st.integers(0, 5))
    def a_worker_renews(self, data: st.DataObject, rows: int) -> None:
        self.ledger.renew(data.draw(st.sampled_from(self.leases)), Checkpoint(rows))

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), is_attempt=st.booleans())
    def a_worker_gives_back(self, data: st.DataObject, is_attempt: bool) -> None:
        self.ledger.give_back(data.draw(st.sampled_from(self.leases)), "r", due_seconds=5, is_attempt=is_attempt)

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def a_reading_differs(self, data: st.DataObject) -> None:
        self.ledger.restart(data.draw(st.sampled_from(self.leases)).job)

    @rule(verdict=st.sampled_from(["failed", "cancelled"]))
    def somebody_decides(self, verdict: str) -> None:
        self.ledger.decide("j", verdict, "why")

    @rule()
    def the_verdict_is_carried_out(self) -> None:
        if verdict := self.job().verdict:
            assert self.ledger.end("j", verdict, error="why", receipt={}) == verdict

    @precondition(lambda self: self.state == "streamed" and not self.job().verdict)
    @rule()
    def the_report_is_done(self) -> None:
        assert self.ledger.end("j", "done", error=None, receipt={}) == "done"

    @rule()
    def somebody_retries(self) -> None:
        self.ledger.retry("j")

    @rule()
    def the_sweep_runs(self) -> None:
        for _, page, state, _ in self.ledger.overdue():
            assert state == ("verdict" if self.job().verdict else self.job().state)
            assert (page is not None) == (state == "streaming") or state == "verdict"

    # ------------------------------------------------------------ what always holds

    @invariant()
    def only_legal_moves_happen(self) -> None:
        job = self.job()
        if job.state != self.state:
            reached, frontier = set(), {self.state}
            while frontier:  # one act may pass through several states' worth of rules at most once each
                reached |= frontier
                frontier = {to for state in frontier for to in MOVES[state]} - reached
            assert job.state in reached
        assert job.generation >= self.generation
        self.state, self.generation = job.state, job.generation

    @invariant()
    def unfinished_work_is_always_found_again(self) -> None:
        job = self.job()
        overdue = {member.decode() for member in self.redis.zrange(keys.OVERDUE, 0, -1)}
        if job.state in FINISHED:
            assert overdue == set()
        elif job.state == "streaming" and not job.verdict:
            fields = self.redis.hgetall(keys.pages("j"))
            out = int(self.redis.hget(keys.job("j"), "next_page")) - 1
            unclosed = {f"j/{page}" for page in range(1, out + 1) if f"{page}.closed".encode() not in fields}
            assert unclosed <= overdue
            assert unclosed
        else:
            assert "j" in overdue

    @invariant()
    def a_streamed_job_has_every_page_closed_and_a_streaming_one_has_not(self) -> None:
        job = self.job()
        if job.state == "streamed":
            assert job.closed == job.pages
        if job.state == "streaming":
            assert job.closed < job.pages


def test_a_job_is_never_stuck_and_never_worked_on_twice(redis: Redis) -> None:
    machine = type("JobLifeHere", (JobLife,), {"redis": redis})
    checks = settings(max_examples=180, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=checks)
