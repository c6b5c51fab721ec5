"""The bodies that calls take, for the OpenAPI document. The services judge the values, with a sentence for each."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from changes.domain.check_expectations import Expectation, Parser
from changes.domain.checks import DEFAULT_TIMEOUT_S, MAX_HOLD_S, MAX_TIMEOUT_S
from changes.domain.content import MAX_TITLE
from changes.domain.states import ChangeType, CloseCode
from changes.domain.strategy import BudgetAction, HumanGate, InFlight, Promotion, Strategy
from changes.domain.targets import FILTER_NAMES

Body = serializers.Serializer[Any]


class TargetFilterBody(Body):
    """Devices by what the inventory says of them: values of one filter are alternatives, several filters narrow."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """One list of texts per filter; a single text is taken too."""
        return {
            name: serializers.ListField(child=serializers.CharField(), required=False) for name in sorted(FILTER_NAMES)
        }


class TargetsBody(Body):
    """Either ids or a filter, never both."""

    device_ids = serializers.ListField(child=serializers.IntegerField(min_value=1), required=False)
    filter = TargetFilterBody(required=False)


class CheckBody(Body):
    """One show command, what is taken from its output, and what that must be."""

    name = serializers.CharField()
    command = serializers.CharField(help_text="Begins with `show `.")
    expect = serializers.ChoiceField(
        Expectation.choices(), help_text="Those that end in `_before` are for checks after the change."
    )
    value = serializers.CharField(
        required=False, help_text="A text, an RE2 pattern or a number; none where it is compared with before."
    )
    timeout_s = serializers.IntegerField(min_value=1, max_value=MAX_TIMEOUT_S, default=DEFAULT_TIMEOUT_S)
    parser = serializers.ChoiceField(Parser.choices(), default=Parser.TEXT.value)
    select = serializers.CharField(
        required=False, help_text="What the parser takes: an RE2 pattern, a JSONPath, or a column of the template."
    )
    template = serializers.CharField(required=False, help_text="The name of a template of ntc-templates.")
    filter = serializers.CharField(required=False, help_text="An RE2 pattern: only values that match it are looked at.")
    tolerance = serializers.CharField(required=False, help_text="A number or a percentage, such as `2` or `10%`.")
    hold_s = serializers.IntegerField(
        min_value=0, max_value=MAX_HOLD_S, default=0, help_text="For so many seconds it must go on to hold."
    )


class ChecksBody(Body):
    """Checks before and after."""

    pre = CheckBody(many=True, required=False)
    post = CheckBody(many=True, required=False)


_USUAL = Strategy()


class StrategyBody(Body):
    """How the devices are worked through."""

    max_parallel = serializers.IntegerField(default=_USUAL.max_parallel, help_text="Devices at once, 1 to 100.")
    max_parallel_per_site = serializers.IntegerField(default=_USUAL.max_parallel_per_site, help_text="0: no own limit.")
    on_failure = serializers.CharField(default="backout", help_text="`backout`: what failed is taken back at once.")
    canary = serializers.IntegerField(default=_USUAL.canary, help_text="Devices of the first wave, 0 to 3; 0: none.")
    batch_percent = serializers.IntegerField(
        default=_USUAL.batch_percent, help_text="Share of all devices in each later wave, per cent; 100: all."
    )
    batch_cap = serializers.IntegerField(default=_USUAL.batch_cap, help_text="Most devices of a later wave; 0: any.")
    promote_when = serializers.ChoiceField(Promotion.choices(), default=_USUAL.promote_when)
    soak_s = serializers.IntegerField(
        default=_USUAL.soak_s, help_text="Seconds that a wave is left alone before it is judged."
    )
    cooldown_s = serializers.IntegerField(
        default=_USUAL.cooldown_s, help_text="Least seconds from a wave's verdict to the opening of the next."
    )
    gate = serializers.ChoiceField(HumanGate.choices(), default=_USUAL.gate)
    gate_role = serializers.CharField(default=_USUAL.gate_role, help_text="The group whose members may let it go on.")
    gate_timeout_s = serializers.IntegerField(
        default=_USUAL.gate_timeout_s, help_text="Seconds that a gate waits; then the run is aborted."
    )
    failures_allowed = serializers.IntegerField(
        default=_USUAL.failures_allowed, help_text="Failed devices borne; in a canary none is, whatever stands here."
    )
    failures_allowed_percent = serializers.IntegerField(
        default=_USUAL.failures_allowed_percent,
        help_text="Or this share of all devices, per cent; the larger of the two counts.",
    )
    on_budget_spent = serializers.ChoiceField(BudgetAction.choices(), default=_USUAL.on_budget_spent)
    on_window_close = serializers.ChoiceField(InFlight.choices(), default=_USUAL.on_window_close)


class ChangeBody(Body):
    """A new change, or the fields of a draft to change."""

    title = serializers.CharField(max_length=MAX_TITLE)
    reason = serializers.CharField(help_text="Why the change is needed.")
    type = serializers.ChoiceField(
        ChangeType.choices(),
        default=ChangeType.NORMAL.value,
        help_text="`standard` only with a template that has an approved envelope.",
    )
    called_by = serializers.CharField(required=False, help_text="Who called the emergency; for `emergency` only.")
    emergency_reason = serializers.CharField(required=False, help_text="Why it cannot wait; for `emergency` only.")
    template = serializers.IntegerField(
        required=False,
        allow_null=True,
        help_text="The id of a template. Content and checks come from its approved version; null gives it up.",
    )
    content = serializers.CharField(
        required=False, help_text="Configuration text in Jinja2; required without a template."
    )
    variables = serializers.DictField(
        required=False, help_text="One line of text, whole number, true, false, or a flat list of those, by name."
    )
    targets = TargetsBody()
    checks = ChecksBody(required=False)
    strategy = StrategyBody(required=False)


class ChangePatchBody(ChangeBody):
    """The fields of a draft to change; the others stay."""

    version = serializers.IntegerField(
        required=False, help_text="The version that you read; the edit is refused when it is another one by now."
    )


class DecisionBody(Body):
    """An approval of exactly one plan."""

    plan_digest = serializers.RegexField(r"^[0-9a-f]{64}$", help_text="The digest of the plan that you read.")
    comment = serializers.CharField(required=False)
    on_behalf_of = serializers.CharField(
        required=False, help_text="The username of an absent member of whom you hold a delegation."
    )


class RefusalBody(Body):
    """A decision against the change, with its reason."""

    comment = serializers.CharField(help_text="Why.")
    plan_digest = serializers.RegexField(r"^[0-9a-f]{64}$", required=False, help_text="The plan that you read.")


class ReasonBody(Body):
    """A reason."""

    comment = serializers.CharField(help_text="Why.")


class CommentBody(Body):
    """A comment, or nothing."""

    comment = serializers.CharField(required=False)


class WindowBody(Body):
    """A maintenance window; without a zone the times mean UTC."""

    window_start = serializers.DateTimeField(help_text="Nothing is started before.")
    window_end = serializers.DateTimeField(help_text="Nothing is started from then on.")
    start_by_itself = serializers.BooleanField(
        default=False, help_text="Start it when the window opens, as if you did it then; for implementers."
    )


class WaveReleaseBody(CommentBody):
    """The wave that waits, by its number."""

    wave = serializers.IntegerField(min_value=1)


class WaveRefusalBody(ReasonBody):
    """The wave that waits, by its number, and why the run goes no further."""

    wave = serializers.IntegerField(min_value=1)


class CloseBody(Body):
    """The change manager's verdict."""

    close_code = serializers.ChoiceField(CloseCode.choices())
    comment = serializers.CharField(required=False, help_text="Required unless the close code is `successful`.")
