"""The systemd unit is valid and runs the processes of the Procfile, by the same names."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy/systemd/millrace@.service"
PROCESSES = dict(
    re.findall(r"^(\w+): millrace ([a-z ]*[a-z])", (ROOT / "Procfile").read_text(encoding="utf-8"), re.MULTILINE)
)


@pytest.mark.parametrize("name", PROCESSES)
def test_the_unit_runs_what_the_procfile_runs(name: str) -> None:
    (start,) = re.findall(r"^ExecStart=/bin/sh -c '(.*)'$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    script = start.replace("%i", name).replace("$$", "$").replace("/opt/millrace/bin/millrace", "echo")
    ran = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == PROCESSES[name]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_finds_no_mistake_in_the_unit(tmp_path: Path) -> None:
    # The programs that it names need not be installed here.
    text = UNIT.read_text(encoding="utf-8").replace("%i", "api")
    (tmp_path / "millrace-api.service").write_text(text, encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "millrace-api.service")]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")
