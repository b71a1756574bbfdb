"""How good a composer is: likelihood of held-out pieces, and statistics of what it writes."""
