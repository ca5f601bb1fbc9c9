"""Jobs: making one, ending one, and how one looks to people and programs."""
