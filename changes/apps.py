from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ChangesConfig(AppConfig):
    """The change requests; it keeps one group per role."""

    name = "changes"
    label = "changes"

    def ready(self) -> None:
        """Make sure after every migration that each role has its group; tell backups whom to ask about changes."""
        post_migrate.connect(_create_roles, sender=self)
        from changes.services.run_history import RunHistory
        from devices.services import change_history

        change_history.register(RunHistory())


def _create_roles(using: str, **_signal: object) -> None:
    from django.contrib.auth.models import Group

    from changes.domain.policy import Role

    Group.objects.using(using).bulk_create([Group(name=role.value) for role in Role], ignore_conflicts=True)
