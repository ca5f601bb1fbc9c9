"""How rows become files: each format a module, all of them in the table of `kinds.py`."""
