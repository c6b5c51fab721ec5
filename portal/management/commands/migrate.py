from django.core.management import CommandError
from django.core.management.commands import migrate

from portal.schema_owner import SchemaOwnerError, as_schema_owner, grants_renew


class Command(migrate.Command):
    """Django's own, run as the owner of the tables; afterwards every role is granted what it may do with them."""

    def handle(self, *args: object, **options: object) -> None:
        """Migrate.

        Raises:
            CommandError: who connects cannot act as the owner.
        """
        try:
            with as_schema_owner():
                super().handle(*args, **options)
                if not (options["plan"] or options["check_unapplied"]):
                    grants_renew()
        except SchemaOwnerError as error:
            raise CommandError(str(error)) from None
