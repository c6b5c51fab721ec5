from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The append-only log of who did what; the lowest layer, it knows no other app."""

    name = "audit"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Audit log"

    def ready(self) -> None:
        """Register what ``check --deploy`` says, and what the log is compared with."""
        from audit import checks, retention_checks, sealing_checks  # noqa: F401
        from audit.redaction.checking import compare_openings
        from audit.verification import contents
        from audit.verification.states import compare_states

        contents.register("openings", compare_openings, at_the_end=True)
        contents.register("states", compare_states)
