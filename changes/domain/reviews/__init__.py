"""Post-implementation reviews: when one is due, what it holds, and who may write and accept it. Pure rules."""
