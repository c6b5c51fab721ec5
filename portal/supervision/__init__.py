"""Keeping processes alive, and ending them with everything that they started."""
