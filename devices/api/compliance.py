"""Compliance in the API."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from devices.api.bodies import strict_body
from devices.api.configs import existing, known_state
from devices.api.listing import WHOLE, ListQuery, Ordering, page
from devices.api.openapi import list_parameters, page_of, refusals
from devices.domain.compliance import ComplianceState
from devices.models import ComplianceResult, ComplianceRule
from devices.services.compliance import Score, compliance_rule_delete, compliance_rule_save, listed, score_of

_NEWEST_FIRST = {"-id": Ordering((("id", WHOLE),), descending=True)}
_COMPLIANCE_RULE = (
    "platform", "feature", "description", "section", "intended", "ordered", "sites", "roles", "tags", "enabled",
)  # fmt: skip


class ComplianceRuleSerializer(serializers.ModelSerializer[ComplianceRule]):
    """A compliance rule, without its intended lines, which may hold secrets."""

    class Meta:
        model = ComplianceRule
        fields = ["id", *(name for name in _COMPLIANCE_RULE if name != "intended"), "version", "updated_at"]
        read_only_fields = fields


class ComplianceRuleBody(serializers.ModelSerializer[ComplianceRule]):
    """What a compliance rule is made from."""

    class Meta:
        model = ComplianceRule
        fields = list(_COMPLIANCE_RULE)


class ComplianceResultSerializer(serializers.ModelSerializer[ComplianceResult]):
    """What one rule found on one device; lines are masked."""

    device = serializers.CharField(source="device.name")

    class Meta:
        model = ComplianceResult
        fields = ["id", "device_id", "device", "state", "code", "missing", "extra", "snapshot_id", "assessed_at"]
        read_only_fields = fields


class ScoreSerializer(serializers.Serializer[Score]):
    """Results of the listed devices added up; what was not assessed counts neither for nor against."""

    compliant = serializers.IntegerField()
    assessed = serializers.IntegerField()
    not_assessed = serializers.IntegerField()
    percent = serializers.IntegerField(allow_null=True, help_text="Rounded down; null where nothing was assessed.")


class ComplianceView(APIView):
    """Compliance rules with their scores."""

    @extend_schema(
        operation_id="compliance_rules_list",
        summary="List the compliance rules",
        parameters=list_parameters({}, _NEWEST_FIRST),
        responses={200: page_of("ComplianceRulePage", ComplianceRuleSerializer), **refusals(400)},
    )
    def get(self, request: Request) -> Response:
        """The rules, newest first."""
        query = ListQuery.read(request, orderings=_NEWEST_FIRST)
        found = page(ComplianceRule.objects.all(), query, _NEWEST_FIRST)
        return found.response(request, ComplianceRuleSerializer(found.rows, many=True).data)

    @extend_schema(
        operation_id="compliance_rules_create",
        summary="Write a compliance rule",
        request=ComplianceRuleBody,
        responses={201: ComplianceRuleSerializer, **refusals(400, 403)},
    )
    def post(self, request: Request) -> Response:
        """Make a rule, for administrators; workers judge the devices by it."""
        data = strict_body(request, _COMPLIANCE_RULE)
        rule = compliance_rule_save(rule_id=None, data=data, actor=request_actor(request))
        return Response(ComplianceRuleSerializer(rule).data, status=status.HTTP_201_CREATED)


class ComplianceRuleView(APIView):
    """One compliance rule, and what it found."""

    @extend_schema(
        operation_id="compliance_rules_retrieve",
        summary="Retrieve what a compliance rule found",
        parameters=list_parameters({"state": "`compliant`, `not_compliant` or `not_assessed`."}, _NEWEST_FIRST),
        responses={
            200: page_of("CompliancePage", ComplianceResultSerializer, besides={"score": ScoreSerializer()}),
            **refusals(400, 404),
        },
    )
    def get(self, request: Request, rule_id: int) -> Response:
        """The score (compliant of assessed; what was not assessed is apart) and a page of results."""
        rule = existing(ComplianceRule.objects.filter(pk=rule_id).first(), "compliance rule", rule_id)
        query = ListQuery.read(request, filters=["state"], orderings=_NEWEST_FIRST)
        states = known_state(query, list(ComplianceState))
        found = page(rule.results.filter(listed(), **states).select_related("device"), query, _NEWEST_FIRST)
        figures = ScoreSerializer(score_of(rule.results.all())).data
        return found.response(request, ComplianceResultSerializer(found.rows, many=True).data, score=figures)

    @extend_schema(
        operation_id="compliance_rules_update",
        summary="Replace a compliance rule",
        request=ComplianceRuleBody,
        responses={200: ComplianceRuleSerializer, **refusals(400, 403, 404)},
    )
    def put(self, request: Request, rule_id: int) -> Response:
        """Change a rule, for administrators."""
        data = strict_body(request, _COMPLIANCE_RULE)
        rule = compliance_rule_save(rule_id=rule_id, data=data, actor=request_actor(request))
        return Response(ComplianceRuleSerializer(rule).data)

    @extend_schema(
        operation_id="compliance_rules_delete",
        summary="Remove a compliance rule",
        responses={204: None, **refusals(403, 404)},
    )
    def delete(self, request: Request, rule_id: int) -> Response:
        """Remove a rule and what it found, for administrators."""
        compliance_rule_delete(rule_id=rule_id, actor=request_actor(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
