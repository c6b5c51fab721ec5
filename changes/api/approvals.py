"""Approvals beside assess and approve: abstain, withdraw a decision, the stages, and revising a stale change."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.actor import Actor
from changes.api.actions import Body, ChangeAction
from changes.api.bodies import digest_in, text_in
from changes.api.requests import CommentBody
from changes.api.serializers import ChangeDetailSerializer
from changes.selectors import change_get
from changes.services.decisions import change_abstain, decision_withdraw
from changes.services.people import facts_of
from changes.services.revising import change_revise
from changes.services.stage_standings import StageStanding, stage_standings
from devices.api.openapi import refusals

_SHOWN = {200: ChangeDetailSerializer, **refusals(400, 403, 404, 409)}


class AbstentionBody(CommentBody):
    """An abstention; ``plan_digest`` guards against a plan that was rebuilt meanwhile."""

    plan_digest = serializers.RegexField(r"^[0-9a-f]{64}$", required=False)


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_abstain",
        summary="Abstain",
        description="Say openly that you do not decide about this plan. It counts for nothing, and binds you until you"
        " withdraw it.",
        request=AbstentionBody,
        responses=_SHOWN,
    )
)
class AbstainView(ChangeAction):
    """Abstain."""

    names = frozenset({"comment", "plan_digest"})

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Abstain."""
        change_abstain(
            change_id=change_id,
            approver=actor,
            comment=text_in(body, "comment"),
            plan_digest=digest_in(body, required=False),
        )


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_withdraw_decision",
        summary="Withdraw your decision",
        description="Take back your own approval or abstention, or one given on your behalf, before the change is"
        " started. A change that then has too few approvals goes back to its authorization.",
        request=CommentBody,
        responses=_SHOWN,
    )
)
class WithdrawDecisionView(ChangeAction):
    """Withdraw one's own decision."""

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Withdraw the decision."""
        decision_withdraw(change_id=change_id, actor=actor, comment=text_in(body, "comment"))


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_revise",
        summary="Revise",
        description="Make a stale change a draft again. Plan it anew; approvals may be carried over.",
        request=CommentBody,
        responses=_SHOWN,
    )
)
class ReviseView(ChangeAction):
    """Revise."""

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Revise the change."""
        change_revise(change_id=change_id, requester=actor, comment=text_in(body, "comment"))


class ApproverSerializer(serializers.Serializer[object]):
    """Somebody who may act in a stage now."""

    person = serializers.CharField(source="person.username")
    on_behalf_of = serializers.CharField(source="absent.username", allow_null=True, default=None)
    away_until = serializers.DateTimeField(allow_null=True)


class StageSerializer(serializers.Serializer[StageStanding]):
    """A stage that is asked of a change, and how far it is."""

    name = serializers.CharField(source="stage.name")
    title = serializers.CharField()
    because = serializers.CharField(help_text="Why it is asked.")
    event = serializers.CharField(source="stage.event.value", help_text="`assess` or `authorize`.")
    groups = serializers.ListField(child=serializers.CharField(), source="stage.groups")
    open = serializers.BooleanField(help_text="Decisions count in this stage now.")
    needed = serializers.IntegerField(source="quorum.needed")
    given = serializers.IntegerField(source="quorum.given")
    able = serializers.IntegerField(source="quorum.able", help_text="People who may still give an approval.")
    met = serializers.BooleanField(source="quorum.met")
    reachable = serializers.BooleanField(source="quorum.reachable")
    groups_lacking = serializers.ListField(child=serializers.CharField(), source="quorum.groups_lacking")
    sentence = serializers.CharField(source="quorum.sentence")
    expires_after_h = serializers.IntegerField(source="stage.expires_after_h", help_text="0: approvals do not expire.")
    delegates = serializers.ListField(child=serializers.CharField(), source="stage.delegates")
    may_act = ApproverSerializer(source="able", many=True)


class StageListView(APIView):
    """The stages of a change."""

    @extend_schema(
        operation_id="changes_stages_list",
        summary="List approval stages of a change",
        responses={200: StageSerializer(many=True), **refusals(404, 409)},
    )
    def get(self, request: Request, change_id: int) -> Response:  # noqa: ARG002 - DRF's signature
        """What the policy asks, in its order: how far each stage is, why it is asked, and who may still act."""
        change = change_get(change_id)
        found = list(stage_standings(change, facts_of(change)))
        return Response([StageSerializer(one).data for one in found])
