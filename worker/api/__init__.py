"""The HTTP API and the page. Begin with `app.py`, which joins the paths; `models.py` has requests and answers."""
