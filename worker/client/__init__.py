"""Our client of a vendor's API: request a report, poll until it is ready, read its pages.

Begin with `vendor.py`, which steps call; `pages.py` reads one page. Commands that need no job are in `check.py`,
`discover.py` and `preview.py`.
"""
