import signal
import threading

from django.core.management.base import BaseCommand

from portal.configuration import configuration_told
from portal.supervision.dispatcher import Dispatcher
from portal.supervision.sessions import bound_idle_transactions


class Command(BaseCommand):
    """Dispatch until SIGTERM or SIGINT."""

    help = "Open waves, ring the queue where work waits, and hand over work whose worker is lost; one leads."

    def handle(self, **_: object) -> None:
        """Do it."""
        from changes.services.delivering import deliveries_dispatch
        from changes.services.dispatch import dispatch_once
        from changes.services.evidence.expiring import packs_ring
        from changes.services.hook_calls import hooks_dispatch
        from devices.services.backups import backups_dispatch
        from devices.services.periodic import periodic_call_due

        bound_idle_transactions()
        configuration_told("worker")
        ending = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ending.set())
        jobs = (dispatch_once, backups_dispatch, periodic_call_due, deliveries_dispatch, hooks_dispatch, packs_ring)
        Dispatcher(*jobs).run(ending)
