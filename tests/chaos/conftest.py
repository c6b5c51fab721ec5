"""What the tests of chaos share with those of changes: an office and its lab."""

from tests.integration.changes.conftest import lab, office

__all__ = ["lab", "office"]
