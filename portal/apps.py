import os

from django.apps import AppConfig

from portal.supervision.beats import connect_worker_beats
from portal.supervision.lifeline import SUPERVISED, tie_forks_to_this_process


class PortalConfig(AppConfig):
    """The composition root: pages, API, settings and processes."""

    name = "portal"
    label = "portal"
    verbose_name = "Countersign"

    def ready(self) -> None:
        """Close the admin to the queue, audit who signs in, guard the logs, and tie a worker's processes together."""
        self._take_queue_out_of_admin()
        from audit.verification import guards

        guards.register("audit_event", "audit_event_account_needs_change")
        from portal.sign_in_events import connect_sign_in_events

        connect_sign_in_events()
        from portal.log_filter import guard_all_handlers, log_uncaught_errors
        from portal.pdf import libraries  # noqa: F401 - registers what `manage.py check` says of PDFs

        guard_all_handlers()
        log_uncaught_errors()
        if os.environ.get(SUPERVISED):
            tie_forks_to_this_process()
            connect_worker_beats()

    @staticmethod
    def _take_queue_out_of_admin() -> None:
        """A schedule row can name any function to run."""
        from django.contrib import admin
        from django_q.models import Failure, OrmQ, Schedule, Success

        for model in (Failure, OrmQ, Schedule, Success):
            if admin.site.is_registered(model):
                admin.site.unregister(model)
