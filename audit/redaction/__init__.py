"""Texts that can be taken out of the log later: sealed as commitments, opened beside it, redacted by two people."""
