"""What can go wrong: the kinds of faults with the code that makes them, and the dial that says where they fall."""
