"""Jobs: create one, end one, and show one to people and programs.

Begin with `create.py` and `finish.py`. The moves between them are the tasks'; what is stored is in `worker/ledger.py`.
"""
