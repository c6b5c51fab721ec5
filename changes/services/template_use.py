"""Making changes from templates: what a change takes from its version, and which devices have content in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from changes.domain.errors import InvalidInputError
from changes.domain.input import Findings
from changes.domain.states import ChangeType
from changes.domain.strategy import parse_strategy
from changes.domain.templates.document import TemplateDocument
from changes.domain.templates.sealing import TEMPLATE
from changes.domain.templates.states import TemplateState
from changes.domain.templates.values import judge_values, with_defaults
from changes.models import ChangeRequest, Template, TemplateVersion
from changes.selectors import Excluded, Targets
from changes.services.decision_steps import steps_frozen
from changes.services.envelopes import stands_for

Values = dict[str, Any]


def with_template(values: Values, data: Mapping[str, object], change: ChangeRequest | None) -> Values:
    """The parsed input of a change, with what its template gives; ``data`` is the input as it came.

    From a template come content and checks, exactly, and strategy and variables where the requester leaves them out.
    ``change`` is the draft that is edited, None for a new one. Also judged here: what each type of change needs.

    Raises:
        InvalidInputError: with every sentence about every field.
    """
    values = dict(values)
    version = _version(values, change)
    if version is not None:
        _fill(values, data, change, version)
    elif change is not None and change.template_version_id and "template" in values:
        values["template_version_id"] = None
    values.pop("template", None)
    _judge_type(values, change, version)
    return values


def usable_version(template_id: int) -> TemplateVersion:
    """The approved version of a template, which new changes are made from; two queries.

    Raises:
        InvalidInputError: there is no such template, or no version of it can be used; it names the successor.
    """
    found = TemplateVersion.objects.approved().select_related("template").filter(template_id=template_id).first()
    if found is not None:
        return found
    template = Template.objects.select_related("successor").filter(pk=template_id).first()
    if template is None:
        raise InvalidInputError({"template": [f"There is no template with the id {template_id}."]})
    instead = f" Use {template.successor} instead." if template.successor else ""
    sentence = f"{template.number} has no approved version to make a change from.{instead}"
    raise InvalidInputError({"template": [sentence]})


def newer_version(version: TemplateVersion) -> TemplateVersion | None:
    """The approved version to use instead of a deprecated one: of the same template, or of its successor.

    None where the version is approved itself, or nothing took its place. At most one query.
    """
    if version.state == TemplateState.APPROVED:
        return None
    usable = TemplateVersion.objects.approved().select_related("template")
    candidates = {
        found.template_id: found
        for found in usable.filter(template_id__in=[version.template_id, version.template.successor_id or 0])
    }
    return candidates.get(version.template_id) or candidates.get(version.template.successor_id or 0)


def template_inputs(change: ChangeRequest) -> dict[str, Any]:
    """What a revision's inputs keep of the template of a change: which version it is, and its decision steps.

    Nothing without a template. At most two queries.

    Raises:
        InvalidInputError: a step names nobody who could confirm it.
    """
    version = change.template_version
    if version is None:
        return {}
    steps = steps_frozen(version.said["steps"])
    return {TEMPLATE: stands_for(version), **({"steps": steps} if steps else {})}


def targets_with_content(change: ChangeRequest, targets: Targets) -> Targets:
    """The targets without the devices for whose platform the template of the change has no content."""
    version = change.template_version
    if version is None:
        return targets
    lacking = [device for device in targets.devices if device.platform not in version.platforms]
    sentences = [
        Excluded(
            device,
            "TEMPLATE_PLATFORM_MISSING",
            f"{version.label} has no content for the platform {device.platform} of {device.name}.",
        )
        for device in lacking
    ]
    left = {device.pk for device in lacking}
    return Targets(
        devices=tuple(device for device in targets.devices if device.pk not in left),
        excluded=(*targets.excluded, *sentences),
    )


def _version(values: Values, change: ChangeRequest | None) -> TemplateVersion | None:
    """The version that the change is made from: one that is chosen now, or the one that it has already."""
    if "template" not in values or values["template"] is None:
        detached = "template" in values
        return change.template_version if change is not None and not detached else None
    present = change.template_version if change is not None else None
    newest = usable_version(values["template"])
    return present if present is not None and present.pk == newest.pk else newest


def _fill(values: Values, data: Mapping[str, object], change: ChangeRequest | None, version: TemplateVersion) -> None:
    document = TemplateDocument.from_bytes(version.document.encode())
    findings = Findings()
    for name in ("content", "checks"):
        if name in data:
            sentence = f"The {name} of this change comes from {version.label}. Leave it out, or give up the template."
            findings.add(name, sentence)
    findings.check()
    anew = change is None or change.template_version_id != version.pk
    values["template_version_id"] = version.pk
    values["content"] = document.change_content
    values["pre_checks"], values["post_checks"] = document.pre_checks, document.post_checks
    if anew or "strategy" in data:
        given = data.get("strategy")
        values["strategy"] = parse_strategy({**document.strategy, **(given if isinstance(given, Mapping) else {})})
    if anew or "variables" in data:
        values["variables"] = _variables(values, data, change, document)


def _variables(
    values: Values, data: Mapping[str, object], change: ChangeRequest | None, document: TemplateDocument
) -> dict[str, Any]:
    """The values given, else those that the change has and the template knows; with defaults, judged."""
    schema = document.variables
    kept = change.variables if change is not None else {}
    known = {name: value for name, value in kept.items() if name in schema["properties"]}
    filled = with_defaults(schema, values["variables"] if "variables" in data else known)
    judge_values(schema, filled)
    return filled


def _judge_type(values: Values, change: ChangeRequest | None, version: TemplateVersion | None) -> None:
    stored = change.type if change is not None else ChangeType.NORMAL.value
    kind = ChangeType(values.get("change_type", stored))
    findings = Findings()
    if kind is ChangeType.STANDARD and (version is None or not version.envelope_digest):
        why = "it is made from none" if version is None else f"{version.label} has none"
        sentence = f"A standard change is made from a template with an approved envelope, and {why}. Make it normal."
        findings.add("type", sentence)
    for name, sentence in _EMERGENCY.items():
        text = values.get(name, getattr(change, name) if change is not None else "")
        if kind is ChangeType.EMERGENCY and not text:
            findings.add(name, sentence)
        elif kind is not ChangeType.EMERGENCY and values.get(name):
            findings.add(name, "Only an emergency change has this. Leave it empty, or choose the type emergency.")
        elif kind is not ChangeType.EMERGENCY and text:
            values[name] = ""  # it is no emergency any more
    findings.check()


_EMERGENCY = {
    "called_by": "Say who called the emergency: a person, a shift or a ticket.",
    "emergency_reason": "Say why it cannot wait for the normal way.",
}
