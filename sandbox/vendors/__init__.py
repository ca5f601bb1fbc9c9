"""The four simulated vendors, and what they share."""
