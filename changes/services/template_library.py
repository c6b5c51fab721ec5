"""Reading templates: the library, one template, and what has to be known about many of them at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Case, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When

from changes.domain.errors import InvalidInputError
from changes.domain.input import hidden_character, one_of, shown
from changes.domain.templates.states import TemplateState
from changes.errors import ChangeNotFoundError
from changes.models import PreApprovalRestoration, Template, TemplateVersion
from changes.services.template_history import failures_by_template
from devices.domain.platforms import PLATFORMS

TEMPLATE_FILTERS = ("text", "state", "platform", "owner", "pre_approved")
"""What the library can be narrowed by; an unknown name is refused."""


def templates_matching(filters: Mapping[str, str]) -> QuerySet[Template]:
    """Templates, each with ``shown_id``: its approved version, else its newest. Empty values narrow nothing.

    Raises:
        InvalidInputError: an unknown filter, or a value that it cannot have.
    """
    templates = Template.objects.select_related("owner", "successor").annotate(shown_id=Subquery(_shown()))
    for name, value in filters.items():
        if name not in TEMPLATE_FILTERS:
            sentence = f"There is no filter “{shown(name)}”. Allowed: {one_of(TEMPLATE_FILTERS)}."
            raise InvalidInputError({name: [sentence]})
        hidden = hidden_character(value)
        if hidden:
            raise InvalidInputError({name: [f"In this filter {hidden}"]})
        if value:
            templates = templates.filter(_condition(name, value))
    return templates


def shown_versions(templates: Iterable[Template]) -> Mapping[int, TemplateVersion]:
    """The shown version of each template of :func:`templates_matching`, by the template's id; one query."""
    found = TemplateVersion.objects.filter(pk__in=[template.shown_id for template in templates])  # type: ignore[attr-defined]
    return {version.template_id: version for version in found.defer("document")}


def lost_pre_approvals(template_ids: Iterable[int]) -> Mapping[int, list[int]]:
    """The failed changes after which nobody gave the pre-approval back, by template; two queries."""
    ids = list(template_ids)
    forgiven: dict[int, set[int]] = defaultdict(set)
    rows = PreApprovalRestoration.objects.filter(template_id__in=ids).values_list("template_id", "change_ids")
    for template_id, change_ids in rows:
        forgiven[template_id].update(change_ids)
    failed = failures_by_template(ids)
    lost = {pk: [change for change in changes if change not in forgiven[pk]] for pk, changes in failed.items()}
    return {pk: changes for pk, changes in lost.items() if changes}


def template_get(template_id: int) -> Template:
    """One template with its owner and successor, and ``shown_id``; one query.

    Raises:
        ChangeNotFoundError: there is none with this id.
    """
    found = templates_matching({}).filter(pk=template_id).first()
    if found is None:
        raise ChangeNotFoundError(f"There is no template with the id {template_id}.")
    return found


def version_get(template_id: int, number: int) -> TemplateVersion:
    """One version with its template and people; one query.

    Raises:
        ChangeNotFoundError: there is none.
    """
    people = ("template__owner", "template__successor", "created_by", "proposed_by", "deprecated_by")
    found = TemplateVersion.objects.select_related(*people).filter(template_id=template_id, number=number).first()
    if found is None:
        raise ChangeNotFoundError(f"There is no version {number} of a template with the id {template_id}.")
    return found


def _shown() -> QuerySet[TemplateVersion, Any]:
    first = Case(When(state=TemplateState.APPROVED, then=Value(0)), default=Value(1), output_field=IntegerField())
    return TemplateVersion.objects.filter(template=OuterRef("pk")).order_by(first, "-number").values("pk")[:1]


def _condition(name: str, value: str) -> Q:
    if name == "text":
        number = value.upper().removeprefix("TPL-")
        by_number = Q(pk=int(number)) if number.isascii() and number.isdigit() and len(number) < 18 else Q(pk__in=[])
        return by_number | Q(name__icontains=value) | _version(Q(purpose__icontains=value))
    if name == "owner":
        return Q(owner__username__iexact=value)
    if name == "platform":
        if value not in PLATFORMS:
            raise InvalidInputError({name: [f"“{shown(value)}” is no platform. Allowed: {one_of(PLATFORMS)}."]})
        return _version(Q(platforms__contains=[value]))
    if name == "state":
        if value not in set(TemplateState):
            raise InvalidInputError({name: [f"“{shown(value)}” is no state. Allowed: {one_of(TemplateState)}."]})
        return _version(Q(state=value))
    if value not in {"yes", "no"}:
        raise InvalidInputError({name: ["Give yes or no."]})
    pre_approved = _version(Q(state=TemplateState.APPROVED) & ~Q(envelope_digest=""))
    return pre_approved if value == "yes" else ~pre_approved


def _version(condition: Q) -> Q:
    return Q(Exists(TemplateVersion.objects.filter(condition, pk=OuterRef("shown_id"))))
