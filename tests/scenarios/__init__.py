"""What vendors do, played end to end: the table of scenarios, and the code that plays them."""
