"""django-q2's cluster, with two additions: its workers learn that it drains, and each may have a core of its own."""

import signal
from pathlib import Path
from types import FrameType

from django_q.cluster import Cluster
from django_q.signals import post_spawn

from devices.services.draining import drain_begin, share_with_forks
from portal.supervision.pinning import pin_to_a_core


class DrainingCluster(Cluster):  # type: ignore[misc]  # django-q2 has no types
    """A cluster whose workers hand back what they have not written to as soon as SIGTERM or SIGINT arrives.

    django-q2 by itself waits until each task has ended; a task that pulls devices for a minute would begin new ones
    for all that time.
    """

    def __init__(self, *, pin: bool, home: Path) -> None:
        super().__init__()
        # Before the first fork: only what is shared by then reaches the workers.
        share_with_forks()
        if pin:
            post_spawn.connect(lambda **_: pin_to_a_core(home / "run"), weak=False, dispatch_uid="pin-to-a-core")

    def sig_handler(self, signum: signal.Signals, frame: FrameType | None) -> None:
        """Announce the end to all workers, then have django-q2 stop taking tasks and wait for those that run."""
        drain_begin()
        super().sig_handler(signum, frame)
