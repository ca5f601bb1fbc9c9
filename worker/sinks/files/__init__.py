"""The sink for files, in a directory or a bucket. Each part of a page is a file, which is complete or absent.

Begin with `sink.py`. `record.py` and `generations.py` keep the sink record, `part.py` and `formats/` write rows, and a
`store.py` keeps files: `directory.py` or `bucket.py`.
"""
