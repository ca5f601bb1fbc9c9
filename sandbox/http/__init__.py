"""A small HTTP server of our own, because faults must be able to change every byte."""
