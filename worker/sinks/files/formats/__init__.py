"""The formats of files: one module for each, listed in `kinds.py`."""
