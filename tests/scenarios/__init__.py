"""What vendors do, played end to end: the table of scenarios, and what plays them."""
