"""Vendors as data: source files, parameters, connections. Nothing here sends anything."""
