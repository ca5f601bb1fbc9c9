"""The kinds of faults, each with the code that causes it."""
