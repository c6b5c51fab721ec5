import logging
import time

from django.db import InterfaceError, OperationalError, connections
from django_q.brokers.orm import ORM

from portal.supervision.beats import beat_acknowledged, beat_acknowledging
from portal.supervision.doorbell import beat_polled, beat_taken, has_room, is_accepted

logger = logging.getLogger(__name__)

RECONNECT_S = 1.0
ACKNOWLEDGE_ATTEMPTS = 60

Package = tuple[int, str]


class DoorbellBroker(ORM):  # type: ignore[misc]  # django-q2 has no types
    """django-q2's PostgreSQL broker, with four differences.

    It beats for the watchdog; it takes no more than the group can begin at once; it waits out a restart of PostgreSQL
    instead of dying (a task whose acknowledgement is lost runs again); and it hands out only functions of our own task
    modules, because whoever can write a row could otherwise name any function.
    """

    def dequeue(self) -> list[Package]:
        """Take what is due if a worker is free for it; without PostgreSQL, wait a second and take nothing."""
        beat_polled()
        if not has_room():
            return []
        try:
            packages: list[Package] = super().dequeue() or []
            accepted = [package for package in packages if self._is_accepted(*package)]
        except (OperationalError, InterfaceError) as error:
            logger.warning("The queue cannot be read, trying again: %s", str(error).strip())
            connections.close_all()
            time.sleep(RECONNECT_S)
            return []
        beat_taken([row_id for row_id, _ in accepted])
        return accepted

    def acknowledge(self, task_id: int) -> None:
        """Delete a task that is done, however long PostgreSQL takes to come back (up to a minute)."""
        for _ in range(ACKNOWLEDGE_ATTEMPTS):
            beat_acknowledging(task_id)
            try:
                super().acknowledge(task_id)
            except (OperationalError, InterfaceError):
                connections.close_all()
                time.sleep(RECONNECT_S)
            else:
                beat_acknowledged(task_id)
                return
        logger.error("Task row %s could not be acknowledged; it will be delivered again", task_id)
        beat_acknowledged(task_id)

    def _is_accepted(self, row_id: int, payload: str) -> bool:
        if is_accepted(f"Task row {row_id}", payload):
            return True
        self.delete(row_id)
        return False
