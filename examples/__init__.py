"""Programs and files to start from. They import nothing of Millrace."""
