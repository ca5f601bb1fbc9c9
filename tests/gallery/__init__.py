"""Vendors of the packaged sources that have no sandbox, each as its documents say it behaves."""
