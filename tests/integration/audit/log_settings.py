"""Settings of an installation that is nothing but its audit log: quick to make, and quick to start."""

from portal.settings import *  # noqa: F403

# The log asks who people are and what they may do.
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "audit"]
EMBEDDED_POSTGRES_DURABLE = False
