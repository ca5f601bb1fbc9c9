"""The four vendors, simulated over real HTTP, with faults on a dial. The world outside: it imports nothing of ours."""

from sandbox.running import Sandbox

__all__ = ["Sandbox"]
