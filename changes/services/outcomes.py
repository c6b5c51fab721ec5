"""What a change came to over all its runs."""

from __future__ import annotations

from changes.domain.run_states import DeviceRunState, run_outcome
from changes.models import ChangeRequest
from changes.services.decision_steps import outcome_with_steps
from changes.services.retrying import latest_device_runs


def change_outcome(change: ChangeRequest) -> str:
    """What a change came to whose runs have all ended: over all its devices, each as its latest run left it.

    A run that retried some devices and succeeded does not make a change successful that failed on others. Each run asks
    every manual step of the plan again, so the answers of the latest run count as well.
    """
    runs = list(change.runs.select_related("revision").order_by("-id")[:2])
    if len(runs) < 2:
        return runs[0].outcome if runs else ""
    states = latest_device_runs(change).values_list("state", flat=True).distinct().order_by("state")
    return outcome_with_steps(runs[0], run_outcome(DeviceRunState(state) for state in states))
