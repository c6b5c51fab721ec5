"""What every broker of ours does with a message, wherever it waited: only our own tasks are handed to a worker."""

import logging
import time
from typing import Any

from django.conf import settings
from django_q.signing import BadSignature, SignedPackage

from portal.supervision.beats import BeatDirectory, taken

logger = logging.getLogger(__name__)

LOOK_FOR_ROOM_S = 0.02
PATIENCE_S = 0.5
"""How long one look waits for room; shorter than the watchdog's patience with a queue that nobody looks at."""


def is_accepted(name: str, payload: str | bytes) -> bool:
    """Whether this installation signed the message and it names a function of our task modules, without hook or chain.

    Whoever can write to the queue could otherwise have a worker call any function. A refusal is logged under ``name``.
    """
    try:
        task = SignedPackage.loads(payload if isinstance(payload, str) else payload.decode("ascii"))
    except (TypeError, UnicodeDecodeError, BadSignature):
        logger.exception("%s is not signed by this installation; it is removed", name)
        return False
    function = _function_name(task)
    if function.rpartition(".")[0] in settings.COUNTERSIGN_TASK_MODULES and not {"hook", "chain"} & task.keys():
        return True
    logger.error("%s names %s, which is no task of this installation; it is removed", name, function)
    return False


def beat_polled() -> None:
    """Show the watchdog that the queue is looked at."""
    beats = BeatDirectory.of_this_process()
    if beats is not None:
        beats.touch("polled")


def has_room() -> bool:
    """Whether this group can begin one more task now; it waits a moment for that.

    A task that is taken beyond it would wait behind the group's own work, while workers of other hosts idle.
    """
    beats = BeatDirectory.of_this_process()
    if beats is None:
        return True
    deadline = time.monotonic() + PATIENCE_S
    while not beats.has_room(workers=settings.COUNTERSIGN_WORKERS):
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_FOR_ROOM_S)
    return True


def beat_taken(ids: list[Any]) -> None:
    """Show the watchdog what was taken from the queue and shall begin soon."""
    beats = BeatDirectory.of_this_process()
    if beats is not None:
        for task_id in ids:
            beats.touch(taken(task_id))


def _function_name(task: dict[str, Any]) -> str:
    function = task["func"]
    return function if isinstance(function, str) else f"{function.__module__}.{function.__qualname__}"
