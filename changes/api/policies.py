"""Approval policies: list, draft, retrieve, propose, activate, retire, and what one would ask."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view, inline_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.actor import Actor
from audit.api.actors import request_actor
from audit.errors import BadFilterError
from changes.api.bodies import body_of, text_in
from changes.domain.approval_policy.asking import parse_facts
from changes.domain.approval_policy.demands import asks_more
from changes.domain.approval_policy.document import ApprovalPolicy
from changes.domain.approval_policy.evaluation import evaluate
from changes.domain.approval_policy.facts import PlanFacts
from changes.domain.approval_policy.schema import json_schema
from changes.domain.approval_policy.sentences import pre_approval_sentence, rule_sentence, stage_sentences
from changes.domain.errors import InvalidInputError
from changes.domain.policy_versions import PolicyState
from changes.models import ApprovalPolicyVersion, ChangeRequest
from changes.services.approval_policies import (
    active_policy,
    policy_by_digest,
    policy_propose,
    policy_retire,
    policy_save_draft,
)
from changes.services.demanding import facts_known
from changes.services.policy_activation import policy_activate, short_of_people, unknown_groups
from changes.services.rejudging import policy_forecast
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals

_NEWEST_FIRST = {"-id": Ordering((("id", WHOLE),), descending=True)}
_FILTERS = {"state": f"One of: {', '.join(PolicyState)}.", "name": "The name of the policy, such as `builtin`."}
_LISTED: Final = 200


class PolicyVersionSerializer(serializers.ModelSerializer[ApprovalPolicyVersion]):
    """One version of a policy, without its content."""

    label = serializers.CharField(help_text="What changes keep as their policy: `builtin-1`.")  # type: ignore[assignment]
    author = serializers.CharField(source="author.username", allow_null=True, default=None)
    proposed_by = serializers.CharField(source="proposed_by.username", allow_null=True, default=None)
    activated_by = serializers.CharField(source="activated_by.username", allow_null=True, default=None)

    class Meta:
        model = ApprovalPolicyVersion
        fields = [
            "id", "label", "name", "version", "title", "digest", "state", "author", "created_at", "proposed_by",
            "proposed_at", "activated_by", "activated_at", "retired_at", "judged_at",
        ]  # fmt: skip
        read_only_fields = fields


class PolicyDetailSerializer(PolicyVersionSerializer):
    """One version with its document, and what it says in sentences."""

    document = serializers.SerializerMethodField()
    sentences = serializers.SerializerMethodField()

    class Meta(PolicyVersionSerializer.Meta):
        fields = [*PolicyVersionSerializer.Meta.fields, "document", "sentences"]
        read_only_fields = fields

    def get_document(self, found: ApprovalPolicyVersion) -> dict[str, Any]:
        """The document with every default written out; sent as a draft it gives the same digest."""
        return policy_by_digest(found.digest).to_data()

    def get_sentences(self, found: ApprovalPolicyVersion) -> dict[str, Any]:
        """Stages and rules in words."""
        policy = policy_by_digest(found.digest)
        return {
            "stages": {stage.name: list(stage_sentences(stage)) for stage in policy.stages},
            "rules": {rule.name: rule_sentence(rule, policy) for rule in policy.rules},
            "pre_approval": pre_approval_sentence(policy),
        }


_DRAFT = inline_serializer(
    "PolicyDraft",
    fields={"document": serializers.CharField(help_text="The file, YAML or JSON, as a text.")},
)
_COMMENT = inline_serializer("PolicyComment", fields={"comment": serializers.CharField(required=False)})
_REASON = inline_serializer("PolicyReason", fields={"comment": serializers.CharField()})
_QUESTION = inline_serializer(
    "PolicyQuestion",
    fields={
        "change": serializers.IntegerField(required=False, help_text="The id of a change; then no facts are given."),
        "facts": serializers.DictField(
            required=False,
            help_text=(
                "`change_type`, `risk`, `device_count`, `platforms`, `roles`, `sites`, `tags`, `tenants`, `content`"
                " (values with numbers of devices), `warnings`, `window` (`start`, `end`), `within_envelope`. What is"
                " left out is not known, and is asked for."
            ),
        ),
    },
)
_ANSWER = inline_serializer(
    "PolicyAnswer",
    fields={
        "facts": serializers.DictField(),
        "demand": serializers.DictField(help_text="Stages, duties and path, each with the reasons."),
        "more_than_active": serializers.ListField(child=serializers.CharField()),
        "less_than_active": serializers.ListField(child=serializers.CharField()),
    },
)
_FORECAST = inline_serializer(
    "PolicyForecast",
    fields={
        "looked_at": serializers.IntegerField(help_text="So many waiting changes were judged, the newest first."),
        "whole": serializers.BooleanField(help_text="Whether these were all."),
        "stale": serializers.IntegerField(help_text="Approved or scheduled changes that would become stale."),
        "asked_again": serializers.IntegerField(help_text="Changes in review that would be asked for more."),
        "short_of_people": serializers.ListField(
            child=serializers.CharField(), help_text="A sentence for each stage that too few people could decide."
        ),
        "unknown_groups": serializers.ListField(
            child=serializers.CharField(),
            help_text="A sentence for each group that does not exist; it is then refused.",
        ),
        "changes": serializers.ListField(child=serializers.DictField(), help_text=f"At most {_LISTED}."),
    },
)


def _version(version_id: int) -> ApprovalPolicyVersion:
    found = ApprovalPolicyVersion.objects.with_people().filter(pk=version_id).first()
    if found is None:
        raise NotFound(f"There is no approval policy with the id {version_id}.")
    return found


def _shown(version_id: int) -> dict[str, object]:
    return dict(PolicyDetailSerializer(_version(version_id)).data)


class PolicyListView(APIView):
    """Approval policies."""

    @extend_schema(
        operation_id="policies_list",
        summary="List approval policies",
        parameters=list_parameters(_FILTERS, _NEWEST_FIRST),
        responses={200: page_of("PolicyPage", PolicyVersionSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """Versions that satisfy all filters given, newest first."""
        query = ListQuery.read(request, filters=tuple(_FILTERS), orderings=_NEWEST_FIRST)
        asked = query.only()
        if asked.get("state", PolicyState.ACTIVE) not in set(PolicyState):
            raise BadFilterError("state", f"state takes one of: {', '.join(PolicyState)}.")
        found = page(ApprovalPolicyVersion.objects.with_people().filter(**asked), query, _NEWEST_FIRST)
        return found.response(request, PolicyVersionSerializer(found.rows, many=True).data)

    @extend_schema(
        operation_id="policies_draft",
        summary="Keep a draft of an approval policy",
        request=_DRAFT,
        responses={201: PolicyDetailSerializer, **refusals(400, 403, 409)},
    )
    def post(self, request: Request) -> Response:
        """Read a policy file strictly and keep it as a draft. For administrators and change managers."""
        text = text_in(body_of(request, {"document"}), "document")
        found = policy_save_draft(actor=request_actor(request), text=text)
        return Response(_shown(found.pk), status=status.HTTP_201_CREATED)


class PolicySchemaView(APIView):
    """The JSON Schema of policy files."""

    @extend_schema(
        operation_id="policies_schema",
        summary="Retrieve the JSON Schema of policy files",
        responses={200: OpenApiTypes.OBJECT, **refusals()},
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature
        """For editors; what a schema cannot say is said when a draft is kept."""
        return Response(json_schema())


class PolicyDetailView(APIView):
    """One version."""

    @extend_schema(
        operation_id="policies_retrieve",
        summary="Retrieve an approval policy",
        responses={200: PolicyDetailSerializer, **refusals(404)},
    )
    def get(self, request: Request, version_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """One version with its document."""
        return Response(_shown(version_id))


class PolicyAskView(APIView):
    """What would it ask?"""

    @extend_schema(
        operation_id="policies_ask",
        summary="Ask what a policy would ask of a change",
        request=_QUESTION,
        responses={200: _ANSWER, **refusals(400, 404)},
    )
    def post(self, request: Request, version_id: int) -> Response:
        """The stages and duties for one change or for made-up facts, with reasons. Nothing is written."""
        body = body_of(request, {"change", "facts"})
        policy = policy_by_digest(_version(version_id).digest)
        return Response(_answer(policy, _facts(body)))


class PolicyForecastView(APIView):
    """What would activating it do?"""

    @extend_schema(
        operation_id="policies_forecast",
        summary="Ask which waiting changes an activation would make stale",
        responses={200: _FORECAST, **refusals(404)},
    )
    def get(self, request: Request, version_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """The changes of which this version asks more. Nothing is written."""
        policy = policy_by_digest(_version(version_id).digest)
        found = policy_forecast(policy)
        changes = [
            {"id": one.change.pk, "number": one.change.number, "becomes_stale": one.stale, "more": list(one.more)}
            for one in found.found[:_LISTED]
        ]
        counts: dict[str, object] = {"looked_at": found.looked_at, "whole": found.whole, "stale": found.stale}
        counts |= {"asked_again": found.asked_again, "short_of_people": list(short_of_people(policy))}
        counts["unknown_groups"] = list(unknown_groups(policy))
        return Response({**counts, "changes": changes})


class _StepView(APIView):
    """A step of one version."""

    @abstractmethod
    def act(self, *, version_id: int, actor: Actor, comment: str) -> object:
        """Do it."""

    def post(self, request: Request, version_id: int) -> Response:
        """Do it, and give the version as it is then."""
        comment = text_in(body_of(request, {"comment"}), "comment")
        self.act(version_id=version_id, actor=request_actor(request), comment=comment)
        return Response(_shown(version_id))


@extend_schema_view(
    post=extend_schema(
        operation_id="policies_propose",
        summary="Propose an approval policy",
        description="For administrators and change managers; another change manager activates it.",
        request=_COMMENT,
        responses={200: PolicyDetailSerializer, **refusals(400, 403, 404, 409)},
    )
)
class PolicyProposeView(_StepView):
    """Propose."""

    def act(self, *, version_id: int, actor: Actor, comment: str) -> object:
        """Propose it."""
        return policy_propose(version_id=version_id, actor=actor, comment=comment)


@extend_schema_view(
    post=extend_schema(
        operation_id="policies_activate",
        summary="Activate an approval policy",
        description=(
            "For a change manager who neither wrote nor proposed it. Waiting changes of which it asks more lose"
            " approvals or become stale."
        ),
        request=_REASON,
        responses={200: PolicyDetailSerializer, **refusals(400, 403, 404, 409)},
    )
)
class PolicyActivateView(_StepView):
    """Activate."""

    def act(self, *, version_id: int, actor: Actor, comment: str) -> object:
        """Activate it."""
        return policy_activate(version_id=version_id, actor=actor, comment=comment)


@extend_schema_view(
    post=extend_schema(
        operation_id="policies_retire",
        summary="Retire a draft or a proposal",
        description="For administrators and change managers. The active version is retired by activating another one.",
        request=_REASON,
        responses={200: PolicyDetailSerializer, **refusals(400, 403, 404, 409)},
    )
)
class PolicyRetireView(_StepView):
    """Retire."""

    def act(self, *, version_id: int, actor: Actor, comment: str) -> object:
        """Retire it."""
        return policy_retire(version_id=version_id, actor=actor, comment=comment)


def _facts(body: Mapping[str, object]) -> PlanFacts:
    if ("change" in body) is ("facts" in body):
        raise InvalidInputError({"facts": ["Give either the id of a change, or facts."]})
    if "facts" in body:
        return parse_facts(body["facts"])
    pk = body["change"]
    if not isinstance(pk, int) or isinstance(pk, bool) or not 0 < pk < 2**63:
        raise InvalidInputError({"change": ["Give the id of a change, a whole number."]})
    found = ChangeRequest.objects.select_related("revision").filter(pk=pk).first()
    if found is None:
        raise InvalidInputError({"change": [f"There is no change with the id {pk}."]})
    return facts_known(found)


def _answer(policy: ApprovalPolicy, facts: PlanFacts) -> dict[str, object]:
    demand, present = evaluate(policy, facts), evaluate(active_policy(), facts)
    return {
        "facts": facts.to_data(),
        "demand": demand.to_data(),
        "more_than_active": list(asks_more(present, demand)),
        "less_than_active": list(asks_more(demand, present)),
    }
