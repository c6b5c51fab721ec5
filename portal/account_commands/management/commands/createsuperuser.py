from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    """In the place of Django's: an account that may do everything would be past all approvals."""

    help = "Not used here: accounts are made by `manage.py person NAME --create`, which leaves an event."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """What Django's takes, so that whoever is used to it is told."""
        parser.add_argument("--username", default="NAME")
        parser.add_argument("--email", default="")
        parser.add_argument("--noinput", "--no-input", action="store_true")
        parser.add_argument("--database", default="default")

    def handle(self, *_args: object, username: str, **_options: object) -> None:
        """Say what to do instead.

        Raises:
            CommandError: always.
        """
        raise CommandError(
            "There are no superusers here: nobody is past the approvals, and no account is made without an event in the"
            f" audit log. Run `manage.py person {username} --create --add administrator`, then"
            f" `manage.py changepassword {username}`; docs/operations.md has the roles under People."
        )
