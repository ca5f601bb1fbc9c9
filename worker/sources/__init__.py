"""Source files, report parameters and connections: loads and checks them. Nothing here sends a request.

Begin with `schema/`, which is what a source file may say. `loading.py` reads one and `checks/` finds its mistakes;
`params.py` resolves the parameters of a job.
"""
