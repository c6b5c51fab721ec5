"""Statements that every device costs; see :mod:`audit.statements`."""

from audit.statements import prepared

__all__ = ["prepared"]
