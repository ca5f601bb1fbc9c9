"""Our client of a vendor's API: ask for a report, ask whether it is ready, read its pages."""
