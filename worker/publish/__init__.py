"""Publishing: a page's rows go to the sink in batches; while the sink writes one batch, the next is read."""
