"""The schedule: its entries, when they are due, the jobs this makes, and backfills."""
