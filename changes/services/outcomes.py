"""What a change came to over all its runs."""

from __future__ import annotations

from changes.domain.run_states import DeviceRunState, run_outcome
from changes.models import ChangeRequest
from changes.services.retrying import latest_device_runs


def change_outcome(change: ChangeRequest) -> str:
    """What a change came to whose runs have all ended: over all its devices, each as its latest run left it.

    A run that retried some devices and succeeded does not make a change successful that failed on others.
    """
    outcomes = list(change.runs.order_by("-id").values_list("outcome", flat=True)[:2])
    if len(outcomes) < 2:
        return outcomes[0] if outcomes else ""
    states = latest_device_runs(change).values_list("state", flat=True).distinct().order_by("state")
    return run_outcome(DeviceRunState(state) for state in states)
