"""The schedule: its entries, which know when they are due, the jobs made from them, and backfills.

Begin with `due.py`, which beat calls every 30 seconds.
"""
