"""Paging: how the pages of a report are addressed, and which one is the last.

Begin with `pager.py`, the interface; `kinds.py` names the kinds, and a new kind is added there.
"""
