"""Jobs: making one, ending one, and showing one to people and programs."""
