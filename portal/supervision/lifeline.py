"""Ending with one's parent, even when the parent is killed and can tell nobody.

Linux sends a signal of the child's choice when the parent ends (``prctl(2)``, PR_SET_PDEATHSIG). The choice is not
inherited over a fork, so a process that forks workers has to make it again in each of them.
"""

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
SUPERVISED = "COUNTERSIGN_SUPERVISED"

_libc = ctypes.CDLL(None, use_errno=True)


def end_with_parent(parent_pid: int, number: signal.Signals) -> None:
    """Ask for signal ``number`` when the parent ends; if it has ended already, send it at once."""
    _libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), number)


def tie_forks_to_this_process() -> None:
    """Kill every process that this one forks from now on as soon as its forking parent is gone.

    For qcluster: its sentinel, pusher, monitor and workers would go on unguarded when their parent dies.
    """
    parents: list[int] = [os.getpid()]

    def remember() -> None:
        parents[0] = os.getpid()

    def tie() -> None:
        end_with_parent(parents[0], signal.SIGKILL)

    os.register_at_fork(before=remember, after_in_child=tie)
