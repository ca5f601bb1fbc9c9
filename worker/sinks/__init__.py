"""Sinks: where rows go. A sink writes rows and the sink record to the same place, in the same atomic steps."""
