"""Settings of an installation that is nothing but its audit log: quick to make, and quick to start."""

from portal.settings import *  # noqa: F403

INSTALLED_APPS = ["audit"]
EMBEDDED_POSTGRES_DURABLE = False
