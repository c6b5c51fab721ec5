"""Evidence packs of changes that were really carried out on the lab."""

from tests.integration.changes.conftest import lab, office

__all__ = ["lab", "office"]
