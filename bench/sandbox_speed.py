"""How fast the sandbox streams to one client: `python -m bench.sandbox_speed`."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

ROWS = 2_000_000
FIELDS = [
    "organization_id", "advertiser_id", "advertiser_name", "campaign_id", "campaign_name", "strategy_id",
    "strategy_name", "impressions", "clicks", "ctr", "total_conversions", "total_revenue", "total_spend",
    "total_spend_cpm",
]  # fmt: skip
_RECEIVE_BYTES = 1 << 20


def main() -> None:
    """Start the sandbox, drain one stream of MediaMath's performance dataset, print one line."""
    command = [sys.executable, "-m", "sandbox", "--json", "--rows", str(ROWS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as sandbox:
        try:
            assert sandbox.stdout is not None
            announced = json.loads(sandbox.stdout.readline())
            seconds, received = drain(
                announced["urls"]["mediamath"] + "/performance", announced["credentials"]["mediamath"]["token"]
            )
            peak = peak_bytes(sandbox.pid)
        finally:
            sandbox.terminate()
    speed = f"{received / 1e6:.0f} MB in {seconds:.2f} s: {received / seconds / 1e6:.0f} MB/s"
    print(f"{ROWS} rows, {speed}; peak of the sandbox's memory {peak / 1e6:.0f} MB")


def peak_bytes(pid: int) -> int:
    """The peak resident memory of a process so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) * 1024


def drain(url: str, token: str) -> tuple[float, int]:
    """Read one answer to its end and drop it; returns seconds and bytes."""
    where = urlsplit(url)
    query = {"fields": FIELDS, "filters": [{"field": "organization_id", "value": 1}], "rollup": "by_day"}
    body = json.dumps({**query, "time_window": "last_7_days"}).encode()
    head = (
        f"POST {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port)) as connection:
        began = time.perf_counter()
        connection.sendall(head.encode() + body)
        received = 0
        into = bytearray(_RECEIVE_BYTES)
        while size := connection.recv_into(into):
            received += size
        return time.perf_counter() - began, received


if __name__ == "__main__":
    main()
