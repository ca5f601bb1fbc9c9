"""HTTP by hand, so that every byte of it can go wrong."""
