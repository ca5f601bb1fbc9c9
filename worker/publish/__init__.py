"""Publishing: a page's rows in batches, read ahead while the batch before them is being kept."""
