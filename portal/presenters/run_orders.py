"""What a person may order about a run, as buttons and as the page that asks once more."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from changes.domain.orders import DEVICE_SKIPPED, RETRYABLE, Order
from changes.domain.run_states import DEVICE_ENDED, DeviceRunState, RunState
from changes.models import DeviceRunQuerySet, Run
from changes.services.retrying import latest_device_runs, retryable
from changes.services.run_orders import RULES, orders_possible
from portal.presenters.actions import Action
from portal.presenters.sight import Sight
from portal.presenters.visible import Mask
from portal.presenters.words import counted


@dataclass(frozen=True, slots=True)
class OrderPage:
    """What the page of an order says; ``comment`` tells whether one is required."""

    order: Order
    label: str
    icon: str
    url_name: str
    title: str
    text: str
    done: str
    variant: str = "primary"
    comment: bool = False
    keep: str = "Not now"


PAGES: Final[Mapping[Order, OrderPage]] = {
    page.order: page
    for page in (
        OrderPage(
            Order.PAUSE, "Pause", "pause", "run-pause", "Pause this run?",
            "No further device is begun and no further wave is opened. Devices that are being worked on are finished."
            " It can be resumed at any time.",
            "The run is paused. Devices that are being worked on are finished.",
        ),
        OrderPage(
            Order.RESUME, "Resume", "play", "run-resume", "Resume this run?",
            "The plan's digest, its approvals, the window and the kill switch are checked again. The failures that"
            " there are count as accepted: only further ones can pause the run again.",
            "The run goes on.",
        ),
        OrderPage(
            Order.STOP_AFTER_WAVE, "Stop after this wave", "s-paused", "run-stop-after-wave", "Stop after this wave?",
            "The wave that is open is carried out. Before the next one opens, the run is paused.",
            "The run will pause before the next wave.",
        ),
        OrderPage(
            Order.ABORT, "Abort", "stop", "run-abort", "Abort this run?",
            "The run ends for good. Devices that nobody has begun are skipped. Devices that hold the change keep it; a"
            " rollback takes it back from them.",
            "The run is being aborted.", "danger-solid", comment=True, keep="Let it go on",
        ),
        OrderPage(
            Order.RETRY, "Retry devices", "refresh", "run-retry", "Retry which devices?",
            "Only devices that hold nothing of the change can be tried again. They begin with their first step:"
            " identity, staleness and pre-checks are looked at anew. In a paused run they wait until it is resumed. If"
            " the run is over, a new one begins at once; waves that had not held come first, with their gates.",
            "The devices are to be tried again.",
        ),
        OrderPage(
            Order.SKIP, "Skip this device", "s-skipped", "run-skip", "Skip this device?",
            "Nothing is sent to it in this run. It can be retried as long as the change is not closed.",
            "The device is left out of the run.", "danger-solid", comment=True, keep="Keep it",
        ),
    )
}  # fmt: skip

_OFFERED: Final = (Order.RESUME, Order.PAUSE, Order.RETRY, Order.STOP_AFTER_WAVE, Order.ABORT)
"""In the order of the buttons; a device is skipped from its own page."""


@dataclass(frozen=True, slots=True)
class Retryable:
    """A device that may be tried again; those that a person skipped are not chosen beforehand."""

    device_id: int
    name: str
    state: str
    code: str
    detail: str

    @property
    def chosen(self) -> bool:
        """Whether its box is ticked when the page opens."""
        return self.code != DEVICE_SKIPPED


def possible_orders(sight: Sight, run: Run) -> tuple[Order, ...]:
    """The orders that fit how this run stands; a retry of an ended one only while the change is in review."""
    return orders_possible(run, change_state=sight.state, is_last=sight.run == run)


def order_buttons(sight: Sight, run: Run, states: Collection[DeviceRunState]) -> tuple[Action, ...]:
    """The buttons of a run for one person; ``states`` are those of its devices. No query."""
    buttons = []
    for order in _OFFERED:
        if order not in possible_orders(sight, run) or not RULES[order](sight.person, sight.facts).allowed:
            continue
        if order is Order.RETRY and RETRYABLE.isdisjoint(states):
            continue
        page = PAGES[order]
        goes_on = order is Order.RESUME and run.stop_after_wave and run.state == RunState.RUNNING
        label = "Go on after this wave" if goes_on else page.label
        label = "Back out what is in flight" if order is Order.ABORT and run.abort else label
        variant = {Order.ABORT: "danger", Order.RESUME: "primary"}.get(order, "")
        buttons.append(Action(order.value, label, order_url(order, sight.change.pk), page.icon, variant=variant))
    return tuple(buttons)


def order_url(order: Order, change_id: int, device_run_id: int | None = None) -> str:
    """The address of an order's page."""
    keys = [change_id] if device_run_id is None else [change_id, device_run_id]
    return reverse(PAGES[order].url_name, args=keys)


def order_refusal(sight: Sight, order: Order) -> tuple[str, str]:
    """Why this person may not give the order now: code and sentence; empty where they may."""
    run = sight.run
    if run is None or order not in possible_orders(sight, run):
        return (
            "illegal_transition",
            "The run does not stand so that this could be ordered. Its page shows how it stands.",
        )
    verdict = RULES[order](sight.person, sight.facts)
    return ("", "") if verdict.allowed else (verdict.reasons[0].code, verdict.reasons[0].sentence)


def retryable_rows(run: Run, sight: Sight) -> DeviceRunQuerySet:
    """The device runs that may be tried again: of a paused run its own, of an ended one the latest of each device."""
    rows = latest_device_runs(sight.change) if run.state == RunState.ENDED else run.device_runs.all()
    return retryable(rows)


def retryables(run: Run, sight: Sight, mask: Mask) -> tuple[Retryable, ...]:
    """What the page of a retry lists, in the order of the plan; one query."""
    rows = retryable_rows(run, sight).select_related("device").order_by("wave__number", "device_plan__position")
    return tuple(Retryable(row.device_id, row.device.name, row.state, row.code, mask.prose(row.detail)) for row in rows)


def order_facts(run: Run) -> tuple[tuple[str, str], ...]:
    """How the run stands, in the words of the page that asks once more; one query."""
    states = list(run.device_runs.values_list("state", flat=True))
    waiting = sum(state == DeviceRunState.PENDING for state in states)
    ended = sum(DeviceRunState(state) in DEVICE_ENDED for state in states)
    return (
        ("Not begun", counted(waiting, "device")),
        ("Being worked on", counted(len(states) - waiting - ended, "device")),
        ("Ended", counted(ended, "device")),
    )
