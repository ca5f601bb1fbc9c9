"""The schedule: its entries, the times they are due, the jobs made from them, and backfills."""
