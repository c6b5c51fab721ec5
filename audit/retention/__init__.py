"""How long events stay in the database, what holds them longer, and the signed archives that they go to."""
