"""Sinks: where rows go. A sink writes rows and the sink record to the same place, in the same atomic steps.

Begin with `sink.py`, the interface; `kinds.py` names the kinds, and a new kind is added there. `redis_stream.py` is the
sink for a stream, `files/` the one for directories and buckets.
"""
