import getpass
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.management.commands.changepassword import Command as DjangoCommand
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from audit.actor import Actor
from portal.passwords import password_change

TRIES = 3


class Command(DjangoCommand):
    """As Django's command, but the change leaves an event: who did it, and why; the password itself never."""

    help = "Set the password of an account. It is asked for twice and never shown."

    def add_arguments(self, parser: CommandParser) -> None:
        """The account, and why."""
        parser.add_argument("username", nargs="?", help="the account; without it, the one named like you here")
        parser.add_argument("--reason", default="", help="stands in the audit log")

    def handle(self, *_args: Any, **options: Any) -> str:  # noqa: ANN401 - as Django declares it
        """Ask until two equal passwords come that are good enough, then set it.

        Raises:
            CommandError: there is no such account, or three attempts were in vain. Nothing was changed.
        """
        username = options["username"] or getpass.getuser()
        user = get_user_model().objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no account {username!r}. `manage.py person {username} --create` makes it.")
        for _ in range(TRIES):
            first, second = _typed("Password: "), _typed("Password (again): ")
            if first != second:
                self.stderr.write("The two passwords differ. Type both again.")
                continue
            try:
                validate_password(first, user)
            except ValidationError as error:
                self.stderr.write("\n".join(error.messages))
                continue
            password_change(user=user, password=first, actor=Actor.command(), reason=options["reason"])
            return f"The password of {username} is changed."
        raise CommandError(f"The password of {username} was not changed: {TRIES} attempts were in vain.")


def _typed(prompt: str) -> str:
    text = getpass.getpass(prompt)
    if not text:
        raise CommandError("Nothing was typed, so nothing was changed.")
    return text
