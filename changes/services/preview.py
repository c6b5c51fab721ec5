"""What a draft would do to one device, worked out from what is known; nothing is stored, planned or sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from audit.actor import Actor
from changes.domain import policy
from changes.domain.content import Variable, parse_content, parse_variables
from changes.domain.errors import InvalidInputError
from changes.domain.input import Findings
from changes.rendering import TemplateError, check_syntax, render_one
from changes.services.device_planning import template_facts
from changes.services.people import enforce, person_of
from devices.domain.commands import CommandFinding, check_commands
from devices.domain.diffing import DiffStat, diff_stat, unified_diff
from devices.domain.platforms import PLATFORMS, Platform
from devices.domain.prediction import predict_with_notes
from devices.domain.warnings import Finding, OwnSession, Situation, review
from devices.models import Device
from devices.selectors import latest_snapshot
from devices.services.address_index import addresses_used


@dataclass(frozen=True, slots=True)
class Preview:
    """One device's rendered lines, what is wrong with them, and the estimated diff.

    Lines, findings and diff hold what the device would get, secrets included: mask them before they are shown.
    ``problems`` are about the template itself; then there are no lines. ``findings`` forbid the plan, ``warnings`` do
    not. ``diff`` is against the newest stored configuration of ``line_count`` lines, read at ``known_at``; ``notes``
    say where the device may do otherwise. They are empty where there is no such configuration, the platform is not
    supported or a line is forbidden.
    """

    device: Device
    lines: tuple[str, ...] = ()
    problems: tuple[TemplateError, ...] = ()
    findings: tuple[CommandFinding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    diff: str = ""
    stat: DiffStat = field(default_factory=lambda: DiffStat(0, 0))
    notes: tuple[str, ...] = ()
    line_count: int = 0
    known_at: datetime | None = None

    @property
    def forbidden(self) -> bool:
        """Whether a plan for this device would be refused."""
        return bool(self.findings)


def change_preview(*, content: object, variables: object, device_id: object, person: Actor) -> Preview:
    """Render raw content for one device and estimate the diff against its newest stored configuration.

    No session is opened: the plan itself reads the device, so that it may find another configuration. One rendering
    process is started, about 0.1 s.

    Raises:
        PolicyDeniedError: the person may not write changes.
        InvalidInputError: content, variables or device cannot be used; under these names.
        RendererUnavailableError: the rendering process cannot be started on this machine.
    """
    enforce(policy.may_create(person_of(person)))
    text, values, device = _inputs(content, variables, device_id)
    problems = check_syntax(text, values)
    if problems:
        return Preview(device, problems=problems)
    rendered = render_one(text, values, template_facts(device))
    if rendered.error:
        return Preview(device, problems=(rendered.error,))
    platform = PLATFORMS.get(device.platform)
    if platform is None:
        return Preview(device, lines=rendered.lines)
    return _estimated(device, rendered.lines, platform)


def _inputs(content: object, variables: object, device_id: object) -> tuple[str, Mapping[str, object], Device]:
    findings = Findings()
    text, values = "", dict[str, Variable]()
    try:
        text = parse_content(content)
    except InvalidInputError as error:
        findings.absorb(error)
    try:
        values = parse_variables(variables)
    except InvalidInputError as error:
        findings.absorb(error)
    device = _device(device_id)
    if device is None:
        findings.add("device", "Choose the device to preview; the inventory has none with this id.")
        raise InvalidInputError(findings.fields)
    findings.check()
    return text, values, device


def _device(device_id: object) -> Device | None:
    if not isinstance(device_id, int) or isinstance(device_id, bool) or not 0 < device_id < 2**63:
        return None
    return Device.objects.filter(pk=device_id).first()


def _estimated(device: Device, lines: tuple[str, ...], platform: Platform) -> Preview:
    findings = check_commands(lines, platform)
    preview = Preview(device, lines=lines, findings=findings)
    snapshot = latest_snapshot(device.pk)
    if snapshot is None or not lines or preview.forbidden or not platform.predictable:
        return preview
    running = snapshot.blob.text
    prediction = predict_with_notes(running, lines, platform)
    diff = unified_diff(running, prediction.text)
    return replace(
        preview,
        warnings=_warnings(device, running, prediction.text, lines, platform),
        diff=diff,
        stat=diff_stat(diff),
        notes=prediction.notes,
        line_count=snapshot.blob.line_count,
        known_at=snapshot.taken_at,
    )


def _warnings(
    device: Device, running: str, target: str, lines: tuple[str, ...], platform: Platform
) -> tuple[Finding, ...]:
    """What the plan would warn of, as far as it is known without a session: who we are there is not."""
    session = OwnSession(device.address, port=device.port)
    lookup = partial(addresses_used, apart_from=device)
    return review(Situation.read(running, target, lines, platform, session=session, lookup=lookup)).findings
