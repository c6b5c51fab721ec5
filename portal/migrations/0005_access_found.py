"""Say in the log what every account may do that was made before each change of that needed an event."""

from typing import Any

from django.db import migrations

from audit.actor import Actor
from audit.recorder import record
from portal.access import access_of


def say_what_is(apps: Any, _editor: object) -> None:  # noqa: ANN401 - historical models
    """One event for each account; a new database has none."""
    for user in apps.get_model("auth", "User").objects.order_by("pk").iterator():
        record(
            actor=Actor.system("migration"),
            action="user.access_found",
            object_type="user",
            object_id=user.pk,
            object_label=user.username,
            reason="What the account may do was written down when such changes began to need an event.",
            before={"access": None},
            after={"access": access_of("user", user.pk)},
        )


class Migration(migrations.Migration):
    dependencies = [("portal", "0004_access_needs_event")]

    operations = [migrations.RunPython(say_what_is, migrations.RunPython.noop)]
