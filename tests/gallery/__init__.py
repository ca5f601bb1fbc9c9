"""Small simulated vendors: those of packaged sources without a sandbox, and some that a user might declare."""
