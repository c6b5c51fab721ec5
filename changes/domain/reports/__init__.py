"""What reports hold: their periods, their parts, and how figures read. Pure."""
