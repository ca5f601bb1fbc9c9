"""What a vendor is to us, in data: source files, parameters, connections. Nothing here sends anything."""
