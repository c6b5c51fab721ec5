"""Why a plan, an approval or a gate refused: the codes of the changes layer.

The entries have the shape of the devices layer's; :func:`reason` finds both, so a page needs one call only.
"""

from devices.domain import reasons as device_reasons
from devices.domain.reasons import Reason

_PLAN = (
    Reason(
        "PLAN_MISSING",
        "There is no ready plan for this change.",
        "Plan the change; when every device's plan is ready, go on.",
        permanent=True,
    ),
    Reason(
        "PLAN_NOT_APPROVED",
        "This plan does not have all the approvals that the policy asks for.",
        "Wait for the open approval stage, or ask its group to review the plan.",
        permanent=True,
    ),
    Reason(
        "PLAN_HASH_MISMATCH",
        "The stored plan is not the one that was approved. Nothing was sent to any device.",
        "Find out who changed the rows, then plan again and have the new plan approved.",
        permanent=True,
    ),
    Reason(
        "PLAN_STALE",
        "The device's configuration changed since the plan was made, where the plan would write.",
        "Look at what changed, then plan again and have the new plan approved.",
        permanent=True,
    ),
    Reason(
        "PLAN_EMPTY",
        "The plan would change nothing on any device.",
        "Choose other targets or another content; if the devices are already as wanted, cancel the change.",
        permanent=True,
    ),
    Reason(
        "PLAN_NOT_OPENED",
        "The approver has not opened this plan.",
        "Open the plan, review what it does on each device, then approve it.",
        permanent=True,
    ),
    Reason(
        "TEMPLATE_ERROR",
        "The content could not be rendered for this device.",
        "Correct the named line or variable in the content, then plan again.",
        permanent=True,
    ),
    Reason(
        "COMMAND_FORBIDDEN",
        "A rendered line is a command that no change may send, such as a reload or a file deletion.",
        "Take the line out of the content, then plan again.",
        permanent=True,
    ),
)

_APPROVAL = (
    Reason(
        "GATE_SELF_APPROVAL",
        "Who wrote, edited or implemented a change cannot approve or close it.",
        "Ask another member of the group.",
        permanent=True,
    ),
    Reason(
        "GATE_DUPLICATE",
        "The same person has already decided about this revision.",
        "Ask another member of the group.",
        permanent=True,
    ),
    Reason(
        "GATE_TIMEOUT",
        "The decision was not made in time, so the answer is no.",
        "Ask for it again when somebody of the group is there.",
        permanent=True,
    ),
    Reason(
        "GATE_DIGEST_MISMATCH",
        "The decision names another plan digest than the plan has now: the plan was rebuilt meanwhile.",
        "Open the plan as it is now, review it, and decide again.",
        permanent=True,
    ),
)

REASONS: dict[str, Reason] = {entry.code: entry for group in (_PLAN, _APPROVAL) for entry in group}


def reason(code: str) -> Reason:
    """Look one reason up, here first and then among those of the devices layer.

    Raises:
        devices.domain.reasons.UnknownReasonError: neither catalogue has it.
    """
    found = REASONS.get(code)
    return device_reasons.reason(code) if found is None else found
