"""The four vendors, simulated over real HTTP, with faults on a dial.

The world outside: it imports nothing of ours.
"""

from sandbox.expected import expected_digest, expected_plan, expected_rows
from sandbox.process import Remote, SandboxProcess
from sandbox.running import Sandbox

__all__ = ["Remote", "Sandbox", "SandboxProcess", "expected_digest", "expected_plan", "expected_rows"]
