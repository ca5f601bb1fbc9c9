"""The sink for files, in a directory or a bucket. Each part of a page is a file, which is complete or absent."""
