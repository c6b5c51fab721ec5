"""What a run did to each configuration: the difference between the snapshots before and after it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from changes.models import DeviceRun
from devices.domain.diffing import unified_diff
from devices.models import ConfigBlob

_KEPT = 1_000

# A hash names one text for ever, so nothing kept here goes stale.
_diffs: OrderedDict[tuple[str, str], str] = OrderedDict()
_guard = Lock()


def actual_diffs(runs: Sequence[DeviceRun]) -> dict[int, str]:
    """The diff of each device run by its id; empty while nothing was read afterwards, and where nothing changed.

    One query for all configurations that this process has not compared yet. Secrets are not masked.
    """
    pairs = {run.pk: (run.before.blob_id, run.after.blob_id) for run in runs if run.before and run.after}
    wanted = {pair for pair in pairs.values() if pair[0] != pair[1]}
    found = _recall(wanted)
    missing = wanted - found.keys()
    if missing:
        blobs = ConfigBlob.objects.in_bulk({name for pair in missing for name in pair})
        made = {pair: unified_diff(blobs[pair[0]].text, blobs[pair[1]].text) for pair in missing}
        _keep(made)
        found |= made
    return {run.pk: found.get(pairs.get(run.pk, ("", "")), "") for run in runs}


def _recall(pairs: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
    with _guard:
        return {pair: _diffs[pair] for pair in pairs if pair in _diffs}


def _keep(made: dict[tuple[str, str], str]) -> None:
    with _guard:
        _diffs.update(made)
        while len(_diffs) > _KEPT:
            _diffs.popitem(last=False)
