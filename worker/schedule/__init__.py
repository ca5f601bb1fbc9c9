"""Jobs nobody has to ask for: entries with their times, what they owe by now, and whole spans asked for again."""
