"""Publishing: a page's rows go to the sink in batches; while the sink writes one batch, the next is read.

Begin with `pipeline.py`: it says how a page is continued after a worker was killed.
"""
