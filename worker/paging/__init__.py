"""Paging: how the pages of a report are addressed, and which one is the last.

Begin with `pager.py`, the interface; `pagers.py` names the kinds, and a new kind is added there.
"""
