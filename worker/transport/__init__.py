"""Transport: sends requests to vendors, with authentication, quota, proxies, and checks of links and addresses."""
