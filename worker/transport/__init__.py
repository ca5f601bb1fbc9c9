"""Transport: sends requests to vendors, with authentication, quota, proxies, and checks of links and addresses.

Begin with `exchange.py`: a request and its answer, with all that lies between. `http.py` sends the bytes, `refusals.py`
says what follows from an answer that is not a success, such as `Retry-After`.
"""
