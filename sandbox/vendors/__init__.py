"""The four vendors."""
