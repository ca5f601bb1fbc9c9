"""Streams in a Redis Cluster: everything of one stream is on one node, even while it moves."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError, ResponseError  # noqa: A004 - redis-py's own name

from tests.harness import until
from tests.redis_server import free_port
from tests.sinks import JOB, READING, commit, finish, make, position, publish, sink_job
from worker.embedded_redis import server_binary
from worker.errors import BadInput
from worker.redis_client import refuse_unfit
from worker.redis_url import read_redis_url
from worker.sinks.audit import audit
from worker.sinks.kinds import audit_sink, parse_address
from worker.sinks.sink import Sink

SLOTS = 16_384
# A node hears the others on its port and so much more, which must be a port as well.
BUS_DISTANCE = 10_000


class Node:
    """One node of a cluster in a process of its own."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.directory = directory
        self.start()
        until(self.is_up, "a node that answers")

    def start(self) -> None:
        self.port = free_port()
        while self.port + BUS_DISTANCE > 65_535:
            self.port = free_port()
        command = [
            server_binary(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory),
            "--save", "", "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--logfile", "redis.log",
        ]  # fmt: skip
        self.process = subprocess.Popen(command)
        self.client = Redis(port=self.port)

    def is_up(self) -> bool:
        if self.process.poll() is not None:
            self.start()  # another process had one of its ports
        try:
            return bool(self.client.ping())
        except ConnectionError:
            return False

    def cluster(self, *arguments: object) -> bytes:
        answer: bytes = self.client.execute_command("CLUSTER", *arguments)
        return answer

    def has(self, key: str) -> bool:
        try:
            return bool(self.client.exists(key))
        except ResponseError:
            return False

    def end(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait()


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    """A cluster of two nodes, half of the slots on each."""
    pair = (Node(tmp_path / "one"), Node(tmp_path / "other"))
    try:
        for node, first in zip(pair, (0, SLOTS // 2), strict=True):
            node.cluster("ADDSLOTS", *range(first, first + SLOTS // 2))
        pair[0].cluster("MEET", "127.0.0.1", pair[1].port)
        # They agree by gossip.
        until(lambda: all(b"cluster_state:ok" in node.cluster("INFO") for node in pair), "a cluster that agrees")
        yield pair
    finally:
        for node in pair:
            node.end()


def through(node: Node, stream: str) -> Sink:
    """A sink whose address names this node."""
    return make(f"redis://127.0.0.1:{node.port}?stream={stream}")


def test_any_node_leads_to_the_one_that_has_the_stream(nodes: tuple[Node, Node]) -> None:
    for stream in ("rows:kargo.a", "rows:kargo.b", "rows:kargo.c", "rows:kargo.d"):
        sink = through(nodes[0], stream)
        sink.open(1)
        publish(sink, READING)
        finish(sink)
        sink.release()
        address = parse_address(f"redis://127.0.0.1:{nodes[0].port}?stream={stream}")
        assert audit_sink(address, sink_job()).is_whole
    assert all(node.client.dbsize() for node in nodes), "every stream is on one node: the test says nothing"


def test_a_stream_that_moves_in_the_middle_loses_and_doubles_nothing(nodes: tuple[Node, Node]) -> None:
    stream = "rows:kargo.a"
    slot = int(nodes[0].cluster("KEYSLOT", stream))
    source, destination = nodes if slot < SLOTS // 2 else nodes[::-1]
    sink = through(source, stream)
    sink.open(1)
    commit(sink, 1, 3)
    ids = {node.port: node.cluster("MYID") for node in nodes}
    destination.cluster("SETSLOT", slot, "IMPORTING", ids[source.port])
    source.cluster("SETSLOT", slot, "MIGRATING", ids[destination.port])
    keys = source.cluster("GETKEYSINSLOT", slot, 10)
    source.client.execute_command("MIGRATE", "127.0.0.1", destination.port, "", 0, 5_000, "KEYS", *keys)
    for node in (destination, source):
        node.cluster("SETSLOT", slot, "NODE", ids[destination.port])
    assert commit(sink, 4, 9) == position(READING, 9)
    sink.close(1, 1, position(READING))
    finish(sink)
    sink.release()
    assert not source.has(stream)
    assert audit(destination.client, stream, JOB).is_whole


def test_it_is_refused_for_the_ledger(nodes: tuple[Node, Node]) -> None:
    with pytest.raises(BadInput, match="a cluster can only hold sinks"):
        refuse_unfit(read_redis_url(f"redis://127.0.0.1:{nodes[0].port}/0"))
