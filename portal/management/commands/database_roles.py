from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.utils import DatabaseError

from audit.database_roles import LOGINS, all_statements
from portal.schema_owner import as_roles_maker, run_statements


class Command(BaseCommand):
    """Print the SQL that makes the database's roles and says what each may do, or run it."""

    help = "Print the statements that make the database's roles and their rights; --apply runs them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """``--apply`` runs them with the login of DATABASE_OWNER_URL, or of DATABASE_URL."""
        parser.add_argument(
            "--apply",
            action="store_true",
            help="run them as the login of DATABASE_OWNER_URL (else DATABASE_URL), which must be able to make roles",
        )

    def handle(self, *_args: object, apply: bool, **_options: object) -> None:
        """Print or run.

        Raises:
            CommandError: the server refused a statement; nothing was changed.
        """
        statements = all_statements(str(connection.settings_dict["NAME"]))
        if not apply:
            self.stdout.write("\n".join(("BEGIN;", *(f"{statement};" for statement in statements), "COMMIT;")))
            return
        try:
            with as_roles_maker():
                run_statements(statements)
        except DatabaseError as error:
            raise CommandError(
                f"The roles were not made, and nothing was changed: {str(error).strip().splitlines()[0]}. Set"
                " DATABASE_OWNER_URL to a login that may make roles and owns the database, or give an administrator of"
                " the database what this command prints without --apply."
            ) from None
        self.stdout.write(
            f"The roles are made. Give {LOGINS[0]} and {LOGINS[1]} passwords with \\password in psql, then name them in"
            " DATABASE_URL and DATABASE_SEALER_URL."
        )
