"""`millrace audit`: compares what is in a job's sink with its receipt."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from worker.cli.exit_codes import EXIT_DONE, EXIT_FAILED, EXIT_RUNNING
from worker.cli.jobs import find_job
from worker.cli.options import as_json_option
from worker.cli.output import print_json, print_table, talk
from worker.cli.startup import open_services
from worker.model import FINISHED, Job
from worker.sinks.audit import Audit
from worker.sinks.kinds import audit_sink, parse_address

COMPARED = ("rows", "dead_rows", "digest")


@click.command()
@click.argument("job_id", metavar="JOB")
@as_json_option
def audit(job_id: str, as_json: bool) -> None:
    """Compare what is in a job's sink with its receipt; exit 0 if they agree, 1 if not, 3 if it is not finished."""
    services = open_services()
    job = find_job(job_id)
    if job.state not in FINISHED:
        talk.print(f"job {job.id} is {job.state}: there is no receipt yet")
        sys.exit(EXIT_RUNNING)
    found = audit_sink(parse_address(job.sink), services.sink_job(job))
    differences = differences_from_receipt(job, found)
    if as_json:
        print_json({"job": job.id, "is_equal": not differences, "differences": differences} | asdict(found))
    else:
        receipt = job.receipt or {}
        print_table(("what", "receipt", "sink"), [(name, receipt.get(name), getattr(found, name)) for name in COMPARED])
        for difference in differences:
            talk.print(difference)
    sys.exit(EXIT_FAILED if differences else EXIT_DONE)


def differences_from_receipt(job: Job, found: Audit) -> list[str]:
    """The differences between a sink and the receipt of a finished job, a sentence for each."""
    counted = {
        "lost": found.lost,
        "doubled": found.doubled,
        "out of order": found.out_of_order,
        "written after the end or the void": found.late,
    }
    differences = [f"{count:,} rows are {what}" for what, count in counted.items() if count]
    differences += [f"{name} is missing or was changed" for name in found.changed]
    if job.state != "done":
        # A job that ended otherwise must have voided everything it published.
        if found.receipt is not None:
            differences.append(f"the job is {job.state}, but the sink has an end entry for it")
        if found.rows:
            differences.append(f"the job is {job.state}, but {found.rows:,} of its rows are not void")
        return differences
    receipt = job.receipt or {}
    if found.ends != 1:
        differences.append(f"the sink has {found.ends} ends of this job, not 1")
    for name in COMPARED:
        if receipt.get(name) != getattr(found, name):
            differences.append(f"{name}: the receipt says {receipt.get(name)}, the sink has {getattr(found, name)}")
    return differences
