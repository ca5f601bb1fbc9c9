"""How to address the pages of a report, and how to know that one is the last."""
