import logging
import time
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connections
from django_q.brokers.orm import ORM
from django_q.signing import BadSignature, SignedPackage

from portal.supervision.beats import BeatDirectory

logger = logging.getLogger(__name__)

RECONNECT_S = 1.0
ACKNOWLEDGE_ATTEMPTS = 60

Package = tuple[int, str]


class DoorbellBroker(ORM):  # type: ignore[misc]  # django-q2 has no types
    """django-q2's PostgreSQL broker, with three differences.

    It beats for the watchdog; it waits out a restart of PostgreSQL instead of dying (a task whose acknowledgement is
    lost runs again); and it hands out only functions of our own task modules, because whoever can write a row
    could otherwise name any function.
    """

    def dequeue(self) -> list[Package]:
        """Take what is due; without PostgreSQL, wait a second and take nothing."""
        beats = BeatDirectory.of_this_process()
        if beats is not None:
            beats.touch("polled")
        try:
            packages: list[Package] = super().dequeue() or []
            accepted = [package for package in packages if self._is_accepted(*package)]
        except (OperationalError, InterfaceError) as error:
            logger.warning("The queue cannot be read, trying again: %s", str(error).strip())
            connections.close_all()
            time.sleep(RECONNECT_S)
            return []
        if beats is not None:
            for row_id, _ in accepted:
                beats.touch(f"taken-{row_id}")
        return accepted

    def acknowledge(self, task_id: int) -> None:
        """Delete a task that is done, however long PostgreSQL takes to come back (up to a minute)."""
        for _ in range(ACKNOWLEDGE_ATTEMPTS):
            try:
                super().acknowledge(task_id)
            except (OperationalError, InterfaceError):
                connections.close_all()
                time.sleep(RECONNECT_S)
            else:
                return
        logger.error("Task row %s could not be acknowledged; it will be delivered again", task_id)

    def _is_accepted(self, row_id: int, payload: str) -> bool:
        try:
            task = SignedPackage.loads(payload)
        except (TypeError, BadSignature):
            logger.exception("Task row %s is not signed by this installation; it is removed", row_id)
            self.delete(row_id)
            return False
        name = _function_name(task)
        if name.rpartition(".")[0] in settings.COUNTERSIGN_TASK_MODULES and not {"hook", "chain"} & task.keys():
            return True
        logger.error("Task row %s names %s, which is no task of this installation; it is removed", row_id, name)
        self.delete(row_id)
        return False


def _function_name(task: dict[str, Any]) -> str:
    function = task["func"]
    return function if isinstance(function, str) else f"{function.__module__}.{function.__qualname__}"
