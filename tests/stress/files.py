"""`python -m tests.stress.files`: SIGKILLs over every format of files, in a directory and in buckets."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import uuid

from tests.bucket import CREDENTIALS, s3_service
from tests.object_server import ACCOUNT, BUCKET, Service, running
from tests.sink_storm import publish_through_kills
from tests.sinks import sink_job
from worker.sinks.kinds import audit_sink, parse_address

FORMATS = ("ndjson", "ndjson&compression=zstd", "csv", "csv&compression=gzip", "parquet", "parquet&compression=snappy")


def main() -> int:
    """Kill workers on every kind of file; exit 0 only if each row is in the files of the receipt once."""
    parser = argparse.ArgumentParser(prog="python -m tests.stress.files", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="SIGKILLs for each kind (default %(default)s)")
    kills = parser.parse_args().kills
    os.environ.update(CREDENTIALS)
    is_whole = True
    with (
        tempfile.TemporaryDirectory(prefix="millrace-") as directory,
        s3_service() as s3,
        running(Service("gs")) as google,
        running(Service("az")) as azure,
    ):
        for how in FORMATS:
            for to in (
                f"file:{directory}/{uuid.uuid4().hex}?",
                f"s3://{BUCKET}/{uuid.uuid4().hex}?endpoint={s3}&",
                f"gs://{BUCKET}/{uuid.uuid4().hex}?endpoint={google.url}&",
                f"az://{BUCKET}/{uuid.uuid4().hex}?account={ACCOUNT}&endpoint={azure.url}&",
            ):
                address = parse_address(f"{to}format={how}")
                job = sink_job("j1")
                found = publish_through_kills(
                    address.text, "redis://127.0.0.1:1", lambda a=address, j=job: audit_sink(a, j), kills=kills
                )
                kind = f"{address.text.partition(':')[0]} {how}"
                print(f"{kind:32} rows {found.rows:>9,}  lost {found.lost}  doubled {found.doubled}  {found.is_whole}")
                is_whole = is_whole and found.is_whole
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
