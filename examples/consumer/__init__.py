"""A consumer of one Millrace stream, to run as it is or to start from: `python -m examples.consumer --help`.

It keeps rows in SQLite, so that it runs anywhere. To feed another warehouse, replace `warehouse.py`; the rest stays.
Why it does what it does: docs/consuming.md.
"""
