"""Places outside the database that are given the checkpoints: who rewrites the log cannot rewrite these as well."""
