"""Our client of a vendor's API: request a report, poll until it is ready, read its pages."""
