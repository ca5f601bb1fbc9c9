"""The kinds of faults, each a function with the code that causes it. Begin with `kind.py`, which declares them."""
