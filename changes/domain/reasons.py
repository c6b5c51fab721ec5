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
        "TEMPLATE_PLATFORM_MISSING",
        "The change is made from a template that has no content for the platform of this device.",
        "Leave the device out, or have a version of the template written with content for this platform.",
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
        "POLICY_ASKS_MORE",
        "The active approval policy asks more of this change than was asked when it was submitted.",
        "Revise the change, submit the new revision and have it approved as the policy asks.",
        permanent=True,
    ),
    Reason(
        "DEMAND_MISMATCH",
        "What the policy asked of this plan was altered after it was stored. Nothing was sent to any device.",
        "Find out who changed the row, then make a new revision and have it approved.",
        permanent=True,
    ),
    Reason(
        "POLICY_BROKEN",
        "The active approval policy cannot be read, or is not the one that was activated.",
        "Ask an administrator to look at the stored policy. Nothing is submitted or started until it can be read.",
        permanent=True,
    ),
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
        "GATE_REFUSED",
        "A person who had to let the run go on decided that it goes no further.",
        "Read the reason. What is left needs a new run, or a rollback.",
        permanent=True,
    ),
    Reason(
        "STEP_STOPPED",
        "The person whom a manual step names let the run go no further.",
        "Read the note. What is left needs a new run, or a rollback.",
        permanent=True,
    ),
    Reason(
        "STEP_TIMEOUT",
        "A manual step was not confirmed in time, so the run goes no further.",
        "Do the step, or see why it was not done. What is left needs a new run, or a rollback.",
        permanent=True,
    ),
    Reason(
        "HOOK_OBJECTED",
        "A required hook objected, so nothing more is begun.",
        "Read what the hook said on the page Hooks. Clear it up and resume: the hook is then asked again.",
        permanent=True,
    ),
    Reason(
        "HOOK_FAILED",
        "A required hook gave no usable answer, so nothing more is begun.",
        "Look at the hook on the page Hooks. Repair it, or have an administrator make it optional; then resume.",
        permanent=True,
    ),
    Reason(
        "PROMOTION_CRITERIA_UNMET",
        "A wave has not shown what the next one may only be opened after, so nothing more is begun.",
        "Look at the devices of the wave and try them again; resume the run if it shall go on without that proof.",
        permanent=True,
    ),
    Reason(
        "GATE_DIGEST_MISMATCH",
        "The decision names another plan digest than the plan has now: the plan was rebuilt meanwhile.",
        "Open the plan as it is now, review it, and decide again.",
        permanent=True,
    ),
    Reason(
        "DELEGATION_REFUSED",
        "This person may not decide for the other one: no delegation is in force, or the stage does not allow it.",
        "Ask another member of the group, or have the absent member delegate to somebody whom the policy allows.",
        permanent=True,
    ),
    Reason(
        "THREADS_UNRESOLVED",
        "The policy asks that every discussion thread is resolved before somebody approves.",
        "Open the discussion, answer what is asked, and resolve the threads.",
        permanent=True,
    ),
)

_EVIDENCE = (
    Reason(
        "EVIDENCE_NOT_SEALED",
        "An evidence pack waits: what it shows is signed by the sealer first.",
        "Nothing is to be done while the sealer runs: the pack goes on by itself. Else start manage.py audit_sealer.",
        permanent=False,
    ),
    Reason(
        "EVIDENCE_PACK_FAILED",
        "An evidence pack could not be made.",
        "Read on its page why, then ask for a new one.",
        permanent=True,
    ),
    Reason(
        "LINK_EXPIRED",
        "A download link is older than 15 minutes, or was made for somebody else.",
        "Open the page of the evidence pack and take a new link.",
        permanent=True,
    ),
)

_SEALING = (
    Reason(
        "AUDIT_NOT_SEALED",
        "An approval of this plan is not under a signed checkpoint of the audit log yet, so nothing is written.",
        "Nothing is to be done while the sealer runs: it signs within a second, and the device goes on by itself. Else"
        " start manage.py audit_sealer, or read its log.",
        permanent=False,
    ),
    Reason(
        "AUDIT_SEAL_BROKEN",
        "The audit log does not prove an approval of this plan, so nothing is written.",
        "Run manage.py audit_verify, and see that AUDIT_VERIFIERS names the public keys of the sealer. When the proof"
        " holds again, the device goes on by itself.",
        permanent=False,
    ),
)

_CALENDAR = (
    Reason(
        "SCHEDULE_CONFLICT",
        "Another change works on the same device, redundancy set or site at the same time.",
        "Choose another time, or ask a change manager or a member of the CAB to waive the conflict with a reason.",
        permanent=True,
    ),
    Reason(
        "START_LATE",
        "The change was to start by itself, and no worker could start it soon after its window opened.",
        "See that workers run; start it yourself while the window is open, or move the window.",
        permanent=True,
    ),
    Reason(
        "START_OUTDATED",
        "Window or plan are others than when somebody ordered that the change starts by itself.",
        "Read the change as it is now; start it yourself, or order it again.",
        permanent=True,
    ),
    Reason(
        "RISK_UNCHANGED",
        "The change has this risk level already.",
        "Choose another level, or leave it as it is.",
        permanent=True,
    ),
    Reason(
        "RISK_IN_REVIEW",
        "The risk of a change is not lowered while people decide about it.",
        "Withdraw the change or send it back, lower its risk, and submit it again.",
        permanent=True,
    ),
    Reason(
        "REASON_MISSING",
        "Whoever lowers a risk level or waives a conflict has to say why.",
        "Give a reason that the others can judge, then decide again.",
        permanent=True,
    ),
    Reason(
        "ALREADY_STARTED",
        "This is decided before a change starts, and this one was started.",
        "Say in the review what should have been decided; pause the run if harm is done.",
        permanent=True,
    ),
)

_CONTROL = (
    Reason(
        "RUN_ABORTED",
        "The run was aborted: devices that had not been begun were skipped, the others finished or backed out.",
        "Read why it was aborted; then retry the devices, or close the change and say how it went.",
        permanent=False,
    ),
    Reason(
        "RUN_PAUSED",
        "Somebody paused the run. Nothing new is started; devices that were being worked on are finished.",
        "Resume it, have failed devices tried again, skip what waits, or abort the run.",
        permanent=False,
    ),
    Reason(
        "WORKER_STOPPING",
        "The worker that had the device is being stopped, as for an update. Nothing had been sent to the device.",
        "Nothing is to be done: another worker begins the device anew. If none does, start one.",
        permanent=False,
    ),
    Reason(
        "STOPPED_AFTER_WAVE",
        "The run was to stop after this wave, so the next one was not opened.",
        "Look at the devices of the wave; then resume or abort the run.",
        permanent=False,
    ),
    Reason(
        "KILL_SWITCH_ENGAGED",
        "The kill switch is engaged: no change writes to any device that it has not written to yet.",
        "Find out why on the page of the kill switch; when it is released, resume the run.",
        permanent=False,
    ),
    Reason(
        "DEVICE_SKIPPED",
        "A person left this device out of the run. Nothing was sent to it.",
        "If it shall be changed after all, retry it while the change is not closed.",
        permanent=True,
    ),
    Reason(
        "RETRY_NOT_PROVED",
        "It is not proved that nothing of the change is left on the device, so it is not tried again.",
        "Have people look at the device, repair it, and write a new change for what is left.",
        permanent=True,
    ),
)

_ROLLBACK = (
    Reason(
        "ROLLBACK_ORDERED",
        "The change was rolled back on purpose: the device was read back and no longer has it.",
        "Nothing has to be done on the device. Say why when the change is closed.",
        permanent=True,
    ),
    Reason(
        "ROLLBACK_UNCONFIRMED",
        "The device has moved since the change, so its backout was computed again. Nobody has confirmed those lines.",
        "Open the rollback of this device, read the lines that would be sent, and confirm them; or leave the device.",
        permanent=True,
    ),
)

_REVIEW = (
    Reason(
        "REVIEW_MISSING",
        "This change needs a post-implementation review before it is closed, and none was submitted.",
        "Open the page Review of the change, write the review and submit it; then close the change.",
        permanent=True,
    ),
)

REASONS: dict[str, Reason] = {
    entry.code: entry
    for group in (_PLAN, _APPROVAL, _SEALING, _EVIDENCE, _CALENDAR, _CONTROL, _ROLLBACK, _REVIEW)
    for entry in group
}


def reason(code: str) -> Reason:
    """Look one reason up, here first and then among those of the devices layer.

    Raises:
        devices.domain.reasons.UnknownReasonError: neither catalogue has it.
    """
    found = REASONS.get(code)
    return device_reasons.reason(code) if found is None else found
