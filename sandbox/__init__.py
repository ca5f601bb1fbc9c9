"""Simulates the four vendors over real HTTP, with faults that rules switch on. Imports nothing of Millrace."""

from sandbox.app import Sandbox
from sandbox.expected import expected_digest, expected_plan, expected_rows
from sandbox.remote import Remote, SandboxProcess

__all__ = ["Remote", "Sandbox", "SandboxProcess", "expected_digest", "expected_plan", "expected_rows"]
