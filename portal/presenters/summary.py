"""The summary of a change: why, where, with what, and what is risky about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from changes.domain.errors import InvalidInputError
from changes.domain.secret_variables import secret_variables
from changes.domain.states import BEFORE_IMPLEMENTING, DevicePlanState
from changes.domain.targets import parse_targets
from changes.models import ChangeRequest, DevicePlan
from changes.selectors import Targets, resolve_targets
from changes.services.template_use import targets_with_content
from changes.services.windows import window_of
from devices.models import Device
from portal.presenters.check_words import CheckWords, check_words
from portal.presenters.links import device_url
from portal.presenters.sight import Sight
from portal.presenters.strategy import StrategyFact, strategy_facts
from portal.presenters.visible import Mask
from portal.presenters.words import counted, few

HIDDEN_VALUE = "•••••• (not shown)"
EXCLUDED_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Target:
    """One device of the change."""

    name: str
    url: str
    site: str
    role: str
    platform: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A device that matches and cannot be a target; the sentence names it."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Share:
    """How many devices have one value of something, such as a site."""

    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Summary:
    """The summary tab; of ``left_out`` only the first are listed."""

    reason: str
    wanted: tuple[str, ...]
    planned: bool
    targets: tuple[Target, ...]
    left_out: tuple[LeftOut, ...]
    left_out_total: int
    target_problem: str
    drifted_targets: str
    variables: tuple[tuple[str, str], ...]
    content: tuple[str, ...]
    pre_checks: tuple[CheckWords, ...]
    post_checks: tuple[CheckWords, ...]
    strategy: tuple[StrategyFact, ...]
    window: str
    sites: tuple[Share, ...]
    roles: tuple[Share, ...]
    platforms: tuple[Share, ...]
    close_note: str

    @property
    def left_out_more(self) -> int:
        """How many devices that are left out are not listed."""
        return self.left_out_total - len(self.left_out)


def summary_of(sight: Sight, mask: Mask) -> Summary:
    """The summary; four queries for a change that can still be planned, one for others."""
    now, problem = _targets_now(sight)
    devices = _planned_devices(sight) if sight.revision else list(now.devices)
    change = sight.change
    return Summary(
        reason=mask.prose(change.reason),
        wanted=_wanted(change.targets),
        planned=sight.revision is not None,
        targets=tuple(_target(device) for device in devices),
        left_out=tuple(LeftOut(e.code, e.sentence) for e in now.excluded[:EXCLUDED_SHOWN]),
        left_out_total=len(now.excluded),
        target_problem=problem,
        drifted_targets=_drifted(devices, now) if sight.revision else "",
        variables=_variables(change, mask),
        content=tuple(mask.text(change.content).removesuffix("\n").split("\n")),
        pre_checks=tuple(check_words(check, mask) for check in change.checks.get("pre", [])),
        post_checks=tuple(check_words(check, mask) for check in change.checks.get("post", [])),
        strategy=strategy_facts(change.strategy),
        window=window.words if (window := window_of(change)) else "",
        sites=_shares(device.site for device in devices),
        roles=_shares(device.role for device in devices),
        platforms=_shares(device.platform for device in devices),
        close_note=mask.prose(change.close_note),
    )


def _targets_now(sight: Sight) -> tuple[Targets, str]:
    """What the targets mean today; only where a plan may still be made from them."""
    if sight.state not in BEFORE_IMPLEMENTING:
        return Targets((), ()), ""
    try:
        return targets_with_content(sight.change, resolve_targets(parse_targets(sight.change.targets))), ""
    except InvalidInputError as error:
        return Targets((), ()), str(error)


def _planned_devices(sight: Sight) -> list[Device]:
    plans = DevicePlan.objects.filter(revision=sight.revision).order_by("position").select_related("device")
    return [plan.device for plan in plans.only("position", *_DEVICE_FIELDS)]


_DEVICE_FIELDS = tuple(f"device__{name}" for name in ("name", "site", "role", "platform"))


def _target(device: Device) -> Target:
    return Target(device.name, device_url(device.pk), device.site, device.role, device.platform)


def _drifted(planned: Iterable[Device], now: Targets) -> str:
    """A sentence where a plan again would have other devices than the plan that stands."""
    before, after = {d.pk: d.name for d in planned}, {d.pk: d.name for d in now.devices}
    if not after:
        return ""
    new = [name for pk, name in after.items() if pk not in before]
    gone = [name for pk, name in before.items() if pk not in after]
    parts = [f"{few(new, 4)} match now and are not in the plan"] if new else []
    parts += [f"{few(gone, 4)} are in the plan and match no longer"] if gone else []
    return f"{'; '.join(parts)}. Plan again to take this in." if parts else ""


def _wanted(targets: Mapping[str, object]) -> tuple[str, ...]:
    """The target specification in words."""
    ids, filters = targets.get("device_ids"), targets.get("filter")
    if isinstance(ids, list):
        return (f"{counted(len(ids), 'device')} picked by hand",)
    if not isinstance(filters, Mapping):
        return ()
    return tuple(
        f"{name} {' or '.join(map(str, values if isinstance(values, list) else [values]))}"
        for name, values in filters.items()
    )


def _variables(change: ChangeRequest, mask: Mask) -> tuple[tuple[str, str], ...]:
    secret = secret_variables(change.content, change.variables)
    return tuple(
        (name, HIDDEN_VALUE if name in secret else _variable(value, mask))
        for name, value in sorted(change.variables.items())
    )


def _variable(value: object, mask: Mask) -> str:
    values = value if isinstance(value, list) else [value]
    return ", ".join(mask.prose(_plain(item)) for item in values)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shares(values: Iterable[str]) -> tuple[Share, ...]:
    return tuple(Share(value or "none", count) for value, count in Counter(values).most_common(12))


def plan_counts(sight: Sight) -> tuple[Share, ...]:
    """How many devices the plan changes, leaves as they are, and could not be planned."""
    labels = (
        (DevicePlanState.READY, "to be changed"),
        (DevicePlanState.UNCHANGED, "already as wanted"),
        (DevicePlanState.FAILED, "failed"),
    )
    return tuple(Share(label, sight.totals.count(state)) for state, label in labels if sight.totals.count(state))
