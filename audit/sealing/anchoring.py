"""Handing checkpoints to the anchors, beside the sealing and never in its way."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from audit.anchors.kinds import make_anchor
from audit.anchors.protocols import Anchor, Newest
from audit.anchors.specification import AnchorSpecification
from audit.checkpoints import TreeHead
from audit.errors import AnchorError, KeyFileError
from audit.notes import Note
from audit.recorder import ObjectType
from audit.sealing.events import say
from audit.sealing.looking_back import newest_head
from audit.sealing.seal import remembered_head_stands
from audit.sealing.trust import trusted_keys

logger = logging.getLogger(__name__)

FIRST_RETRY_S = 5.0
LONGEST_RETRY_S = 3600.0

_GIVEN = """
INSERT INTO audit_anchoring (anchor, tree_size, anchored_at, failing_since, attempts, error)
VALUES (%s, %s, clock_timestamp(), NULL, 0, '')
ON CONFLICT (anchor) DO UPDATE SET tree_size = excluded.tree_size, anchored_at = excluded.anchored_at,
    failing_since = NULL, attempts = 0, error = ''
"""
_FAILED = """
INSERT INTO audit_anchoring (anchor, tree_size, anchored_at, failing_since, attempts, error)
VALUES (%s, 0, NULL, clock_timestamp(), 1, %s)
ON CONFLICT (anchor) DO UPDATE SET failing_since = coalesce(audit_anchoring.failing_since, excluded.failing_since),
    attempts = audit_anchoring.attempts + 1, error = excluded.error
"""


@dataclass
class _Anchored:
    """One anchor and when it is its turn, in seconds of the monotonic clock."""

    specification: AnchorSpecification
    anchor: Anchor
    next_at: float = 0.0
    failures: int = 0
    size: int = field(default=0)
    accepts: bool = False

    def is_due(self, size: int, now: float) -> bool:
        return now >= self.next_at and size > self.size

    def given(self, size: int, now: float) -> None:
        self.size, self.failures, self.next_at = size, 0, now + self.specification.every_s
        self.accepts = False

    def failed(self, now: float) -> None:
        self.failures += 1
        self.next_at = now + min(FIRST_RETRY_S * 2.0 ** (self.failures - 1), LONGEST_RETRY_S)


class AnchorThread(threading.Thread):
    """Gives each anchor the newest checkpoint that was offered, when it is its turn.

    A failure is kept in ``audit_anchoring``, and is an event when it begins and when it ends; pauses between tries grow
    from 5 s to an hour. Only checkpoints that this process has signed are handed over, never what a table says.

    An anchor that tells what it was given last is asked before: where that is a tree which the database does not hold,
    it is given nothing, so that what it keeps is not written over. With ``accept_restore`` each is given one in spite
    of that. Nothing that an anchor does ends the thread.
    """

    def __init__(
        self,
        *,
        specifications: Sequence[AnchorSpecification],
        connect: Callable[[], psycopg.Connection[Any]],
        ending: threading.Event,
        accept_restore: bool = False,
    ) -> None:
        super().__init__(name="anchors", daemon=True)
        self._anchored = [_Anchored(each, make_anchor(each), accepts=accept_restore) for each in specifications]
        self._connect = connect
        self._ending = ending
        self._offered = ""
        self._wake = threading.Event()

    def offer(self, note: str) -> None:
        """A newer checkpoint is there. Returns at once."""
        self._offered = note
        self._wake.set()

    def run(self) -> None:
        """Hand over until the end; what was offered last is handed over before, where it is due."""
        while not self._ending.is_set():
            self._wake.wait(timeout=1.0)
            self._wake.clear()
            note = self._offered
            if not note:
                continue
            size = TreeHead.parse(Note.parse(note).text).size
            for anchored in self._anchored:
                if anchored.is_due(size, time.monotonic()) and not self._ending.is_set():
                    try:
                        self._hand_over(anchored, note, size)
                    except Exception:  # the other anchors, and the next time, are still to come
                        logger.exception("The anchor %s could not be served", anchored.specification.name)
                        anchored.failed(time.monotonic())

    def _hand_over(self, anchored: _Anchored, note: str, size: int) -> None:
        problem = ""
        try:
            self._refuse_another_log(anchored)
            anchored.anchor.publish(note)
        except AnchorError as error:
            problem = str(error)
        except Exception:  # whatever a library raises: the other anchors go on
            logger.exception("The anchor %s failed", anchored.specification.name)
            problem = "It failed for a reason that the sealer's log tells."
        now = time.monotonic()
        began, ended = bool(problem and not anchored.failures), bool(anchored.failures and not problem)
        if problem:
            anchored.failed(now)
            logger.warning("The anchor %s did not take a checkpoint: %s", anchored.specification.name, problem)
        else:
            anchored.given(size, now)
        self._keep(anchored.specification.name, size, problem, tell=began or ended)

    def _refuse_another_log(self, anchored: _Anchored) -> None:
        """Raise an AnchorError where the anchor was given a tree that the database does not hold."""
        if anchored.accepts or not isinstance(anchored.anchor, Newest):
            return
        try:
            signed = newest_head(anchored.anchor, trusted_keys())
            if signed is None:
                return
            with self._connect() as connection:
                stands = remembered_head_stands(connection, signed.head)
        except (AnchorError, KeyFileError, psycopg.Error):
            return  # it cannot be compared, which is no reason to give it nothing
        if not stands:
            raise AnchorError(
                f"It was given a tree of {signed.head.size} entries that this log does not hold. A backup was restored"
                " (then start the sealer once with --accept-restore), somebody has replaced the log, or a second"
                " installation signs with this key. It is given nothing meanwhile."
            )

    def _keep(self, name: str, size: int, problem: str, *, tell: bool) -> None:
        try:
            with self._connect() as connection:
                if problem:
                    connection.execute(_FAILED, (name, problem))
                else:
                    connection.execute(_GIVEN, (name, size))
                if tell:
                    say(
                        connection,
                        action="audit.anchor_failed" if problem else "audit.anchor_recovered",
                        object_type=ObjectType.ANCHOR,
                        object_id=name[:200],
                        object_label=name,
                        reason=problem,
                        details={"tree_size": size},
                    )
        except psycopg.Error as error:
            logger.warning("What became of the anchor %s could not be kept: %s", name, str(error).strip())
