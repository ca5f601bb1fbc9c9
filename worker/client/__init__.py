"""The dialogue with a vendor: ask for a report, ask whether it is ready, read its pages."""
