"""What an entry point does before Django: settings that make sense, and a database that runs."""

from django.conf import settings

from portal.embedded_postgres import EmbeddedPostgresError, attach, roles_prepare
from portal.environment import SettingError


class StartError(Exception):
    """The installation cannot start; the message is one sentence for people."""


def prepare(*, attach_database: bool) -> None:
    """Load the settings and, when no ``DATABASE_URL`` names a server, hold on to the embedded one.

    Raises:
        StartError: a setting is wrong, or the embedded server cannot be started.
    """
    try:
        embedded: bool = settings.EMBEDDED_POSTGRES  # the first access loads and checks all settings
        if attach_database and embedded:
            attachment = attach(settings.COUNTERSIGN_HOME, durable=settings.EMBEDDED_POSTGRES_DURABLE)
            roles_prepare(attachment.layout)
    except (SettingError, EmbeddedPostgresError) as error:
        raise StartError(str(error)) from None
