"""Jobs: create one, end one, and show one to people and programs."""
