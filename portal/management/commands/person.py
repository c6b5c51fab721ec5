from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from audit.actor import Actor
from changes.domain.errors import InvalidInputError
from portal.access import ROLES, access_of, person_access_change, person_create, person_identity_change


class Command(BaseCommand):
    """Make an account, name it anew, put it into roles or out of them, switch it on or off; each leaves an event."""

    help = (
        "Make an account, change its name, address or roles, or switch it on or off."
        " Without options it says what the account may do."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The account, what becomes of it, and why."""
        parser.add_argument("username")
        parser.add_argument("--create", action="store_true", help="make the account; then set `changepassword NAME`")
        parser.add_argument("--email", default=None, help="the account's address; empty: none")
        parser.add_argument("--rename", default=None, metavar="NAME", help="another name to sign in with")
        parser.add_argument("--add", action="append", default=[], metavar="ROLE", help=f"one of {', '.join(ROLES)}")
        parser.add_argument("--remove", action="append", default=[], metavar="ROLE")
        switch = parser.add_mutually_exclusive_group()
        switch.add_argument("--activate", action="store_const", const=True, dest="active")
        switch.add_argument("--deactivate", action="store_const", const=False, dest="active")
        parser.add_argument("--reason", default="", help="stands in the audit log")

    def handle(
        self,
        *_args: object,
        username: str,
        create: bool,
        email: str | None,
        rename: str | None,
        add: list[str],
        remove: list[str],
        active: bool | None,
        reason: str,
        **_options: object,
    ) -> None:
        """Do it, and say what the account may do afterwards.

        Raises:
            CommandError: there is no such account, or it cannot be made or changed so.
        """
        actor = Actor.command()
        try:
            if create:
                if rename is not None:
                    raise CommandError("A new account has no other name yet: leave --rename out.")
                user = person_create(username=username, actor=actor, roles=add, email=email or "", reason=reason)
            else:
                user = User.objects.get(username=username)
                with transaction.atomic():
                    person_identity_change(user=user, actor=actor, username=rename, email=email, reason=reason)
                    person_access_change(user=user, actor=actor, add=add, remove=remove, active=active, reason=reason)
        except User.DoesNotExist:
            raise CommandError(f"There is no account {username!r}. Make it with --create.") from None
        except InvalidInputError as refusal:
            raise CommandError(str(refusal)) from None
        access = access_of("user", user.pk) or {}
        state = "active" if access["active"] else "switched off"
        self.stdout.write(f"{rename or username} is {state}; roles: {', '.join(access['groups']) or 'none'}.")
