"""Where rows are kept. A sink keeps rows and their sink record in one place, in the same atomic acts."""
