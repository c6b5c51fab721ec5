"""The button of a rollback on the page of a run, and what a rollback means for its figures."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from changes.domain.run_states import DEVICE_ACTIVE, DEVICE_TO_ROLL_BACK, DeviceRunState
from portal.presenters.actions import Action, Actions

KEPT: Final = frozenset({"ROLLBACK_UNCONFIRMED", "ROLLBACK_CONFLICT", "ROLLBACK_PLAN_MISSING", "PRECHECK_UNREACHABLE"})
"""Why a rollback ended before anything was sent: what the device holds is known."""


def rollback_button(actions: Actions, states: Collection[DeviceRunState]) -> tuple[Action, ...]:
    """The way to the page of the rollback, where this person may order one and a device may hold the change."""
    action = actions.get("rollback")
    held = not (DEVICE_TO_ROLL_BACK | DEVICE_ACTIVE).isdisjoint(states)
    return (replace(action, variant="danger"),) if action is not None and action.allowed and held else ()
