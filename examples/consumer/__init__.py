"""An example of a consumer of one Millrace stream: `python -m examples.consumer --help`.

It stores rows in SQLite, so that it runs anywhere. For another warehouse, replace `warehouse.py`; the rest stays.
docs/consuming.md explains why it works as it does.
"""
