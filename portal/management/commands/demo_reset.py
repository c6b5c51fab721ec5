from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.supervision.forgetting import StillInUseError, forget


class Command(BaseCommand):
    """Forget the demo's data."""

    help = "Remove all data of this installation, unless something still uses it."
    requires_system_checks: list[str] = []

    def handle(self, **_: object) -> None:
        """Do it."""
        try:
            self.stdout.write(forget(settings.COUNTERSIGN_HOME))
        except StillInUseError as error:
            raise CommandError(str(error)) from None
