"""Why a device could not be read, changed or verified: the codes of the devices layer.

A code is stable and machine-readable; the sentence is for the operator who sees it on a page; the next step says what
to do. ``permanent`` is the retry decision: a permanent reason never goes away by trying again without a person.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """One catalogue entry; ``sentence`` and ``next_step`` are complete English sentences without device data."""

    code: str
    sentence: str
    next_step: str
    permanent: bool


class UnknownReasonError(LookupError):
    """A code was asked for that the catalogue does not hold; a programming error, never shown to an operator."""

    def __init__(self, code: str) -> None:
        super().__init__(f"There is no reason with the code {code!r} in the devices catalogue.")
        self.code = code


_IDENTITY = (
    Reason(
        "IDENTITY_HOSTNAME_MISMATCH",
        "The device answers with another hostname than the inventory has.",
        "Check the address in the inventory; refresh it if the device was renamed, then plan again.",
        permanent=True,
    ),
    Reason(
        "IDENTITY_SERIAL_MISMATCH",
        "The device has another serial number than the inventory has: it may be a different machine.",
        "If the hardware was replaced, update the inventory and plan again; otherwise check the address.",
        permanent=True,
    ),
    Reason(
        "IDENTITY_MODEL_MISMATCH",
        "The device is another model than the inventory has.",
        "If the hardware was replaced, update the inventory and plan again; otherwise check the address.",
        permanent=True,
    ),
    Reason(
        "IDENTITY_HOST_KEY_MISMATCH",
        "The device's SSH host key is not the pinned one. Nothing was sent, the password neither.",
        "Find out why the key changed. If it is legitimate, have an administrator pin the new key.",
        permanent=True,
    ),
    Reason(
        "IDENTITY_PLATFORM_MISMATCH",
        "The device runs another operating system than the inventory's platform stands for.",
        "Correct the platform in the inventory or check the address, then plan again.",
        permanent=True,
    ),
    Reason(
        "IDENTITY_ROLE_MISMATCH",
        "The device states another role than the inventory has.",
        "Correct whichever is wrong, or the pattern that reads the role from the device, then plan again.",
        permanent=True,
    ),
    Reason(
        "IDENTITY_SITE_MISMATCH",
        "The device states another site than the inventory has.",
        "Correct whichever is wrong, or the pattern that reads the site from the device, then plan again.",
        permanent=True,
    ),
    Reason(
        "SOT_AUTHORITATIVE_MISMATCH",
        "The inventory is authoritative for a fact, and the device does not confirm it.",
        "Find out which of the two is right and correct the other, then plan again.",
        permanent=True,
    ),
    Reason(
        "SOT_ADVISORY_UNCONFIRMED",
        "A fact that the device must confirm before anything is written was not confirmed.",
        "Correct the inventory, or have an administrator change how far this field is trusted.",
        permanent=True,
    ),
    Reason(
        "SOT_FIELD_MISSING",
        "The inventory lacks a fact without which the device cannot be told from others.",
        "Fill in the named field in the source of truth and refresh, then plan again.",
        permanent=True,
    ),
)

_PRE_CHECK = (
    Reason(
        "PRECHECK_UNREACHABLE",
        "No connection to the device's address and port could be opened.",
        "Check power, routing and the management access list, then retry.",
        permanent=False,
    ),
    Reason(
        "PRECHECK_AUTH_FAILED",
        "The device refused the login.",
        "Check the credential for this device; do not retry blindly, the account may get locked.",
        permanent=True,
    ),
    Reason(
        "PRECHECK_AUTHZ_DENIED",
        "The login works but the account may not do what the change needs.",
        "Give the account the privilege level or the command authorization, then plan again.",
        permanent=True,
    ),
    Reason(
        "PRECHECK_STATE_UNHEALTHY",
        "A pre-check does not hold: the device is not in the state that the change expects.",
        "Read the check's output below; repair the device or adapt the check, then plan again.",
        permanent=True,
    ),
    Reason(
        "PRECHECK_WINDOW_CLOSED",
        "The maintenance window is not open for this device.",
        "Start inside the window, or have the change manager move it.",
        permanent=True,
    ),
    Reason(
        "PRECHECK_PREREQ_MISSING",
        "The device lacks something that the change needs, such as a feature, a file or an object it refers to.",
        "Put the prerequisite in place or remove the device from the targets, then plan again.",
        permanent=True,
    ),
)

_EXECUTION = (
    Reason(
        "COMMAND_REJECTED",
        "The device rejected a configuration line.",
        "Read the device's message; correct the content and plan a new revision for this device.",
        permanent=True,
    ),
    Reason(
        "CONNECTION_LOST",
        "The connection ended before the device had answered.",
        "Wait for the read-back: it tells what the device took before the connection ended.",
        permanent=False,
    ),
    Reason(
        "TIMEOUT",
        "The device did not answer in time.",
        "Check the device's load and the path to it, then retry; raise the device's read timeout if it is slow.",
        permanent=False,
    ),
    Reason(
        "LEASE_LOST",
        "This worker no longer holds the device's lease; another one may have taken over.",
        "Nothing to do: the recovery reads the device back before anything else is sent.",
        permanent=False,
    ),
    Reason(
        "WORKER_FAILED",
        "Workers failed on this device again and again, for a cause that the product does not know.",
        "Look into the workers' log for the error; where lines may have been sent, compare the device with its plan.",
        permanent=True,
    ),
    Reason(
        "BREAKER_OPEN",
        "Too many failures for this credential or site: further attempts are held back.",
        "Repair the common cause first, then close the breaker and retry.",
        permanent=False,
    ),
    Reason(
        "ABORT_THRESHOLD_HIT",
        "More devices failed than the change's failure budget allows, so this device was not started.",
        "Look at the failed devices first; then resume, roll back or end the run.",
        permanent=True,
    ),
    Reason(
        "DEVICE_BUSY",
        "Another change or another session holds this device's configuration.",
        "Wait until it has ended, then retry.",
        permanent=False,
    ),
    Reason(
        "CONFIRM_MISSING",
        "The commit that waited to be confirmed is no longer there: the device took it back, or somebody confirmed it.",
        "Wait for the read-back: it tells which configuration the device has.",
        permanent=True,
    ),
    Reason(
        "CAPABILITY_MISSING",
        "The device's driver does not offer what the plan asks for.",
        "Choose another driver for the device in the inventory, or change the settings; then plan again.",
        permanent=True,
    ),
    Reason(
        "FREEZE_ACTIVE",
        "A change freeze is in force: nothing of any change is started.",
        "Wait for its end, or ask a change manager to lift it; then start or resume.",
        permanent=True,
    ),
    Reason(
        "OUTPUT_TRUNCATED",
        "The device's answer ended before its end mark, so nothing was taken from it.",
        "Retry; if it happens again, check the path to the device and its load.",
        permanent=False,
    ),
    Reason(
        "SAVE_FAILED",
        "The device runs the new configuration but could not save it: a reboot would lose the change.",
        "Free space on the device and save its configuration, then verify it.",
        permanent=True,
    ),
)

_VERIFICATION = (
    Reason(
        "POSTCHECK_FAILED",
        "A post-check does not hold after the change.",
        "Read the check's output below; the device was backed out unless the policy says otherwise.",
        permanent=True,
    ),
    Reason(
        "CONVERGENCE_PARTIAL",
        "The running configuration holds only a part of the change.",
        "Compare the expected with the actual difference; back out or complete it by a new change.",
        permanent=True,
    ),
    Reason(
        "CONVERGENCE_AMBIGUOUS",
        "The running configuration fits neither the baseline nor the target.",
        "Two people compare the device with both and decide; nothing more is sent until then.",
        permanent=True,
    ),
)

_ROLLBACK = (
    Reason(
        "ROLLBACK_PLAN_MISSING",
        "There is no backout for this device.",
        "Restore the device by hand from its stored baseline.",
        permanent=True,
    ),
    Reason(
        "ROLLBACK_CONFLICT",
        "The device was changed by someone else meanwhile, where the backout would write.",
        "Compare the device with its baseline and agree with the other party before anything is sent.",
        permanent=True,
    ),
    Reason(
        "ROLLBACK_UNVERIFIED",
        "The backout was sent, but the running configuration is not the baseline again.",
        "Compare the device with its stored baseline and repair the rest by hand.",
        permanent=True,
    ),
)

_RIGHTS = (
    Reason(
        "GATE_ROLE_DENIED",
        "The role that this step needs is missing; being a superuser does not replace it.",
        "Ask somebody who has the role, or an administrator to give it to you.",
        permanent=True,
    ),
    Reason(
        "GATE_SIGNATURE",
        "A webhook call was refused: its signature does not fit its body and the shared secret.",
        "Set the same secret at the source and here; if the secret is the same, find out who else calls.",
        permanent=True,
    ),
)

_INVENTORY = (
    Reason(
        "INV_REFRESH_FAILED",
        "The inventory source could not be read.",
        "Check the source's address and access; the devices keep their last known data, marked as old.",
        permanent=True,
    ),
    Reason(
        "INV_NO_PRIMARY_IP",
        "The inventory has no management address for this device.",
        "Set the primary address in the source of truth and refresh.",
        permanent=True,
    ),
    Reason(
        "INV_FIELD_MISSING",
        "A field that is needed is missing in the inventory.",
        "Fill in the named field in the source of truth and refresh.",
        permanent=True,
    ),
    Reason(
        "INV_DUPLICATE_NAME",
        "Two devices of the source have the same name.",
        "Make the names unique in the source of truth and refresh.",
        permanent=True,
    ),
    Reason(
        "INV_NOT_ACTIVE",
        "The inventory does not call this device active.",
        "Make it active in the source of truth once it may be changed, and refresh.",
        permanent=True,
    ),
    Reason(
        "INV_SOURCE_DENIED",
        "The inventory source does not accept the token, or its user lacks a right.",
        "Give the installation a valid token with the named right, then synchronise again.",
        permanent=True,
    ),
    Reason(
        "INV_SOURCE_SHRANK",
        "The source lists far fewer devices than before, so nothing was replaced.",
        "Check the rights of the token and the filter; if the network did shrink, synchronise with --accept-fewer.",
        permanent=True,
    ),
    Reason(
        "INV_SYNC_RUNNING",
        "The source is being synchronised at this moment.",
        "Wait until it has ended; its progress is on the page of inventory sources.",
        permanent=False,
    ),
    Reason(
        "INV_SYNC_LOST",
        "The synchronisation ended with its worker; nothing of it was taken in.",
        "Synchronise again.",
        permanent=False,
    ),
    Reason(
        "INV_SOURCE_UNKNOWN",
        "There is no such inventory source, or it cannot be synchronised from here.",
        "Choose one of the listed sources; files are brought in by manage.py devices_sync.",
        permanent=True,
    ),
    Reason(
        "PLATFORM_UNMAPPED",
        "The device's platform is not one that this product can drive.",
        "Set a supported platform in the source of truth, or map its word in the platform table; then refresh.",
        permanent=True,
    ),
)

_SECRETS = (
    Reason(
        "SECRET_UNAVAILABLE",
        "The credential for this device could not be read from its store.",
        "Check that the store is reachable and that the credential's name exists there.",
        permanent=True,
    ),
    Reason(
        "SECRET_SCOPE_DENIED",
        "The credential may not be used for this device.",
        "Choose a credential whose scope covers the device, or have an administrator widen the scope.",
        permanent=True,
    ),
)

_CONFIGURATIONS = (
    Reason(
        "CONFIG_EMPTY",
        "The device gave an empty configuration. It was not kept.",
        "Sign in and look at the running configuration; check the account's privileges.",
        permanent=False,
    ),
    Reason(
        "CONFIG_ERROR_TEXT",
        "The device answered with a message instead of its configuration. It was not kept.",
        "Read the message; check the platform in the inventory and the account's privileges.",
        permanent=True,
    ),
    Reason(
        "CONFIG_SUSPICIOUS",
        "The configuration is much smaller than the one before. It is kept apart.",
        "Look at it: take it as the configuration if it is true, or dismiss it.",
        permanent=True,
    ),
    Reason(
        "CONFIG_NOT_SAVED",
        "The running configuration differs from the startup configuration: a reboot would lose the difference.",
        "Save the running configuration, or find out who left it unsaved.",
        permanent=True,
    ),
    Reason(
        "BACKUP_WORKER_LOST",
        "Worker after worker was lost while this device was read, so its backup was given up.",
        "Read the workers' logs; then start the backup of this device again.",
        permanent=True,
    ),
    Reason(
        "DRIFT_UNCLASSIFIED",
        "No drift rule fits a changed line, so it counts as functional.",
        "Add a rule for such lines.",
        permanent=True,
    ),
    Reason(
        "COMPLIANCE_NO_CONFIG",
        "There is no configuration of this device to look at.",
        "Run a backup of the device.",
        permanent=False,
    ),
    Reason(
        "COMPLIANCE_PLATFORM_UNSUPPORTED",
        "Configurations of this platform cannot be compared by feature.",
        "Nothing needs to be done; the device counts neither for nor against the score.",
        permanent=True,
    ),
    Reason(
        "COMPLIANCE_NOT_APPLICABLE",
        "The rule is not meant for this device's site, role or tags.",
        "Nothing needs to be done; widen the rule if it should hold here.",
        permanent=True,
    ),
    Reason(
        "COMPLIANCE_UNREADABLE",
        "The feature's section could not be compared.",
        "Look at the section in the configuration; it may hold a text that the comparison does not know.",
        permanent=True,
    ),
    Reason(
        "COMPLIANCE_ORDER_DIFFERS",
        "The lines are there, but in another order.",
        "Put the lines in the intended order, or let the rule ignore the order.",
        permanent=True,
    ),
    Reason(
        "COMPLIANCE_LINES_DIFFER",
        "Lines are missing, or there are lines that must not be there.",
        "Correct the device by a change request, or correct the rule.",
        permanent=True,
    ),
)

REASONS: dict[str, Reason] = {
    entry.code: entry
    for group in (
        _IDENTITY,
        _PRE_CHECK,
        _EXECUTION,
        _VERIFICATION,
        _ROLLBACK,
        _RIGHTS,
        _INVENTORY,
        _SECRETS,
        _CONFIGURATIONS,
    )
    for entry in group
}


def reason(code: str) -> Reason:
    """Look one reason up.

    Raises:
        UnknownReasonError: the code belongs to another layer or is misspelt.
    """
    try:
        return REASONS[code]
    except KeyError:
        raise UnknownReasonError(code) from None
