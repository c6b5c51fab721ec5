import pytest

from changes.domain.reasons import REASONS, reason
from devices.domain import reasons as device_reasons

CODES = {
    "PLAN_MISSING", "PLAN_NOT_APPROVED", "PLAN_HASH_MISMATCH", "PLAN_STALE", "PLAN_EMPTY", "PLAN_NOT_OPENED",
    "TEMPLATE_ERROR", "COMMAND_FORBIDDEN", "GATE_SELF_APPROVAL", "GATE_DUPLICATE", "GATE_TIMEOUT",
    "GATE_DIGEST_MISMATCH", "RUN_ABORTED", "RUN_PAUSED", "STOPPED_AFTER_WAVE", "KILL_SWITCH_ENGAGED", "DEVICE_SKIPPED",
    "WORKER_STOPPING", "SCHEDULE_CONFLICT", "RISK_UNCHANGED", "REASON_MISSING", "ALREADY_STARTED",
    "RETRY_NOT_PROVED", "ROLLBACK_ORDERED", "ROLLBACK_UNCONFIRMED", "GATE_REFUSED",
    "PROMOTION_CRITERIA_UNMET", "DELEGATION_REFUSED", "THREADS_UNRESOLVED",
    "STEP_STOPPED", "STEP_TIMEOUT", "HOOK_OBJECTED", "HOOK_FAILED",
    "POLICY_ASKS_MORE", "DEMAND_MISMATCH", "POLICY_BROKEN", "REVIEW_MISSING",
    "TEMPLATE_PLATFORM_MISSING", "RISK_IN_REVIEW", "START_LATE", "START_OUTDATED",
    "AUDIT_NOT_SEALED", "AUDIT_SEAL_BROKEN", "EVIDENCE_NOT_SEALED", "EVIDENCE_PACK_FAILED", "LINK_EXPIRED",
}  # fmt: skip

WAITED_FOR = {
    "RUN_ABORTED", "RUN_PAUSED", "STOPPED_AFTER_WAVE", "KILL_SWITCH_ENGAGED", "WORKER_STOPPING", "AUDIT_NOT_SEALED",
    "AUDIT_SEAL_BROKEN", "EVIDENCE_NOT_SEALED",
}  # fmt: skip
"""An order or the gate stopped the device, and nothing is wrong with it: it may begin again."""


def test_the_catalogue_holds_exactly_the_published_codes() -> None:
    assert set(REASONS) == CODES
    assert all(code == entry.code for code, entry in REASONS.items())


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_reason_is_two_whole_sentences(code: str) -> None:
    entry = reason(code)
    for sentence in (entry.sentence, entry.next_step):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
    assert entry.permanent is (code not in WAITED_FOR)


def test_the_codes_of_the_devices_layer_are_found_too_and_never_shadowed() -> None:
    assert reason("TIMEOUT") is device_reasons.reason("TIMEOUT")
    assert not set(REASONS) & set(device_reasons.REASONS)


def test_an_unknown_code_is_an_error() -> None:
    with pytest.raises(device_reasons.UnknownReasonError):
        reason("NO_SUCH_CODE")
