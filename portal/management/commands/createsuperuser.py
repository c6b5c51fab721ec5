from django.contrib.auth.management.commands import createsuperuser
from django.contrib.auth.models import User
from django.db import transaction

from audit.actor import Actor
from portal.access import access_created


class Command(createsuperuser.Command):
    """Django's own; the account's event is written with it, without which the database refuses the account."""

    def handle(self, *args: object, **options: object) -> None:
        """Make the account and audit it."""
        with transaction.atomic():
            last = User.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
            super().handle(*args, **options)
            for user in User.objects.filter(pk__gt=last, is_superuser=True):
                access_created(user, actor=Actor.command())
