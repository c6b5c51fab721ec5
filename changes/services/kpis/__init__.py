"""Counting the key figures in the database, and listing the very changes behind each."""
