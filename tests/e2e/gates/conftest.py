"""The same browser, people and database as the pages of the lists have."""

from tests.e2e.pages.conftest import _database_beside_playwright, cast, comes

__all__ = ["_database_beside_playwright", "cast", "comes"]
