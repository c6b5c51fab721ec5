"""The risk of a change: why it has its level, what is asked, and who set another one."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.api.actors import request_actor
from changes.api.bodies import body_of, digest_in, text_in
from changes.domain.risk.levels import RiskLevel
from changes.domain.risk.weights import Factor
from changes.errors import ChangeNotFoundError
from changes.models import RiskOverride
from changes.selectors import change_get
from changes.services.risk_decisions import risk_answer, risk_override
from changes.services.risk_reading import AskedQuestion, RiskReading, risk_read
from devices.api.openapi import refusals
from devices.services.scrubbing import Scrubber

Shown = serializers.Serializer[Any]


class RiskComponentSerializer(Shown):
    """One part of the score."""

    factor = serializers.ChoiceField(Factor.choices())
    points = serializers.IntegerField()
    most = serializers.IntegerField(help_text="The most that it can add.")
    reason = serializers.CharField()
    lower = serializers.CharField(help_text="What would make it less; empty where nothing has to be.")
    missing = serializers.ListField(child=serializers.CharField(), help_text="Facts that nobody knows.")
    answered = serializers.BooleanField(help_text="Whether a person gave a fact of it as an answer.")


class LeastLevelSerializer(Shown):
    """A level below which the change cannot be, whatever its sum."""

    level = serializers.ChoiceField(RiskLevel.choices())
    reason = serializers.CharField()


class RiskChoiceSerializer(Shown):
    """A possible answer, and the points of the component with it."""

    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the word for the API, not DRF's own
    points = serializers.IntegerField()


class RiskQuestionSerializer(Shown):
    """A question about a fact that no system knows. `answer` is empty while nobody answered."""

    fact = serializers.CharField()
    text = serializers.CharField()
    answers = RiskChoiceSerializer(many=True)
    answer = serializers.CharField()
    answered_by = serializers.CharField()


class RiskOverrideSerializer(Shown):
    """A level that somebody set in place of the computed one."""

    level = serializers.ChoiceField(RiskLevel.choices())
    computed = serializers.ChoiceField(RiskLevel.choices())
    by = serializers.CharField()
    reason = serializers.CharField()
    plan_digest = serializers.CharField()
    set_at = serializers.DateTimeField()


class RiskSerializer(Shown):
    """The risk of the change's current plan."""

    level = serializers.ChoiceField(RiskLevel.choices(), help_text="The level that holds.")
    computed = serializers.ChoiceField(RiskLevel.choices(), help_text="The level by the facts alone.")
    score = serializers.IntegerField(help_text="From 0 to 100.")
    weights = serializers.CharField(help_text="Version of the weights.")
    plan_digest = serializers.CharField()
    assessed_at = serializers.DateTimeField()
    facts = serializers.DictField()
    components = RiskComponentSerializer(many=True)
    least = LeastLevelSerializer(many=True)
    questions = RiskQuestionSerializer(many=True)
    overrides = RiskOverrideSerializer(many=True, help_text="Newest first, at most 20.")


class AnswerBody(Shown):
    """An answer to one question."""

    fact = serializers.CharField()
    answer = serializers.CharField(help_text="The key of a possible answer.")
    plan_digest = serializers.CharField()


class OverrideBody(Shown):
    """Another level."""

    level = serializers.ChoiceField(RiskLevel.choices())
    reason = serializers.CharField(required=False, help_text="Required to lower the level.")
    plan_digest = serializers.CharField()


class RiskView(APIView):
    """The risk of a change."""

    @extend_schema(
        operation_id="changes_risk_retrieve",
        summary="Read the risk",
        responses={200: RiskSerializer, **refusals(404)},
    )
    def get(self, request: Request, change_id: int) -> Response:
        """Every part of the score with its reason, what is asked, and the levels that people set.

        404 with the code `PLAN_MISSING` says that there is no ready plan that was assessed.
        """
        del request
        return _response(change_id)


class RiskAnswerView(APIView):
    """Answering a question."""

    @extend_schema(
        operation_id="changes_risk_answer",
        summary="Answer a question about the risk",
        request=AnswerBody,
        responses={200: RiskSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, change_id: int) -> Response:
        """Give a fact that no system knows. The answer is shown as a person's."""
        body = body_of(request, ("fact", "answer", "plan_digest"))
        risk_answer(
            change_id=change_id,
            actor=request_actor(request),
            fact=text_in(body, "fact"),
            answer=text_in(body, "answer"),
            plan_digest=digest_in(body, required=True),
        )
        return _response(change_id)


class RiskOverrideView(APIView):
    """Setting another level."""

    @extend_schema(
        operation_id="changes_risk_override",
        summary="Set another risk level",
        request=OverrideBody,
        responses={200: RiskSerializer, **refusals(400, 403, 404, 409)},
    )
    def post(self, request: Request, change_id: int) -> Response:
        """Raise the level, or lower it as a change manager with a reason."""
        body = body_of(request, ("level", "reason", "plan_digest"))
        risk_override(
            change_id=change_id,
            actor=request_actor(request),
            level=text_in(body, "level"),
            reason=text_in(body, "reason"),
            plan_digest=digest_in(body, required=True),
        )
        return _response(change_id)


def _response(change_id: int) -> Response:
    reading = risk_read(change_get(change_id).revision)
    if reading is None:
        raise ChangeNotFoundError("There is no ready plan that was assessed.", code="PLAN_MISSING")
    return Response(RiskSerializer(_data(reading)).data)


def _data(reading: RiskReading) -> dict[str, object]:
    row, scrub = reading.assessment, Scrubber.load()
    return {
        **{name: getattr(row, name) for name in ("level", "computed", "score", "weights", "plan_digest")},
        "assessed_at": row.assessed_at,
        "facts": row.facts,
        "components": reading.components,
        "least": reading.least,
        "questions": [_question(each) for each in reading.questions],
        "overrides": [_override(each, scrub) for each in reading.overrides],
    }


def _question(asked: AskedQuestion) -> dict[str, object]:
    question = asked.question
    return {
        "fact": question.fact,
        "text": question.text,
        "answers": question.answers,
        "answer": asked.answer,
        "answered_by": asked.by,
    }


def _override(row: RiskOverride, scrub: Scrubber) -> dict[str, object]:
    return {
        "level": row.level,
        "computed": row.computed,
        "by": row.person.get_username(),
        "reason": scrub.prose(row.reason),
        "plan_digest": row.plan_digest,
        "set_at": row.set_at,
    }
