"""Whether a worker group hangs: a judgement on numbers, without processes, files or clock."""

from dataclasses import dataclass

# Measured ways to hang: an idle worker that is killed while it holds the queue's lock blocks all others for ever;
# a stopped pusher takes nothing; a monitor that was killed leaves its successor waiting for its lock, and nothing that
# ended is taken out of the queue any more. All look alive in the process table.
WAITS_TOO_LONG_S = 5.0
SILENT_TOO_LONG_S = 8.0
START_GRACE_S = 20.0


@dataclass(frozen=True)
class Reading:
    """One look at a group. None: it has not happened yet.

    Attributes:
        busy: workers that run a task and have beaten lately.
        oldest_taken_s: how long the oldest task waits that was taken from the queue and not begun.
        oldest_ended_s: how long the oldest task waits that ended and was not taken out of the queue.
        polled_s: since the queue was last looked at.
        activity_s: since a task last began or ended.
    """

    age_s: float
    workers: int
    busy: int
    oldest_taken_s: float | None
    oldest_ended_s: float | None
    polled_s: float | None
    activity_s: float | None


def complaint(reading: Reading) -> str:
    """Why the group has to be killed and started again, or an empty string.

    Work that waits while all workers are busy is no fault, nor is silence when nothing waits.
    """
    if reading.busy >= reading.workers:
        return ""
    idle_s = reading.age_s if reading.activity_s is None else min(reading.activity_s, reading.age_s)
    free = f"{reading.workers - reading.busy} of {reading.workers} workers are free"
    waits_s = reading.oldest_taken_s or 0.0
    if waits_s > WAITS_TOO_LONG_S and idle_s > SILENT_TOO_LONG_S:
        return f"a task has waited {waits_s:.0f} s in the group although {free}"
    ended_s = reading.oldest_ended_s or 0.0
    if ended_s > SILENT_TOO_LONG_S and not reading.busy:
        return f"a task that ended {ended_s:.0f} s ago is still in the queue"
    polled_s = reading.age_s if reading.polled_s is None else min(reading.polled_s, reading.age_s)
    patience_s = START_GRACE_S if reading.polled_s is None else SILENT_TOO_LONG_S
    if polled_s > patience_s and idle_s > SILENT_TOO_LONG_S:
        return f"nobody has looked for work for {polled_s:.0f} s although {free}"
    return ""
