from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ChangesConfig(AppConfig):
    """The change requests; it keeps one group per role, and the approval policies that ship."""

    name = "changes"
    label = "changes"

    def ready(self) -> None:
        """Have roles and shipped policies there after every migration; register what lower apps ask about changes."""
        post_migrate.connect(_create_roles, sender=self)
        post_migrate.connect(_install_policies, sender=self)
        from audit.redaction import redacting
        from audit.verification import contents
        from changes.services.evidence.redacted import packs_redact
        from changes.services.log_comparison import compare_with_log
        from changes.services.record_comparison import compare_records
        from changes.services.redacted_comments import comments_redact
        from changes.services.redacted_notifications import notifications_redact
        from changes.services.run_history import RunHistory
        from devices.services import change_history

        change_history.register(RunHistory())
        redacting.register("evidence packs", packs_redact)
        redacting.register("comments", comments_redact)
        redacting.register_copies("notifications", notifications_redact)
        contents.register("changes", compare_with_log)
        contents.register("records of changes", compare_records)


def _create_roles(using: str, **_signal: object) -> None:
    from django.contrib.auth.models import Group

    from changes.domain.policy import Role

    Group.objects.using(using).bulk_create([Group(name=role.value) for role in Role], ignore_conflicts=True)


def _install_policies(using: str, **_signal: object) -> None:
    from django.db import connections

    from changes.models import ApprovalPolicyVersion
    from changes.services.approval_policies import install_shipped_policies

    # Somebody may have migrated back to a time before policies were rows.
    if ApprovalPolicyVersion._meta.db_table in connections[using].introspection.table_names():
        install_shipped_policies()
