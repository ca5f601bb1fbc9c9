"""Paging: how the pages of a report are addressed, and which one is the last."""
