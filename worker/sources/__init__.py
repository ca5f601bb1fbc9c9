"""Source files, report parameters and connections: loads and checks them. Nothing here sends a request."""
