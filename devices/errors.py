from collections.abc import Mapping, Sequence
from typing import ClassVar


class DeviceError(Exception):
    """A device, or the way to it, failed; `code` is stable and `permanent` carries the retry decision.

    A permanent error is never retried by itself: the same attempt would fail in the same way. `detail` is a
    sentence for an operator and never holds a password. Codes are those of the catalogue in
    `devices.domain.reasons`.
    """

    code: ClassVar[str] = "DEVICE_ERROR"
    permanent: ClassVar[bool] = True

    def __init__(self, detail: str, *, device: str = "") -> None:
        super().__init__(f"{device}: {detail}" if device else detail)
        self.detail = detail
        self.device = device


class UnreachableError(DeviceError):
    """No SSH session could be opened: name not found, refused, no route, or no answer in time."""

    code = "PRECHECK_UNREACHABLE"
    permanent = False


class AuthenticationFailedError(DeviceError):
    """The device proved its host key and then refused the credential."""

    code = "PRECHECK_AUTH_FAILED"


class AuthorizationDeniedError(DeviceError):
    """Signed in, but without the privilege that the work needs (no privileged exec mode)."""

    code = "PRECHECK_AUTHZ_DENIED"


class HostKeyMismatchError(DeviceError):
    """The device's host key or certificate is not a pinned one. The credential was not sent.

    ``offered`` is what the device proved itself with, as (type, base64); None where nothing was offered.
    ``is_reported``: the administrators know of it.
    """

    code = "IDENTITY_HOST_KEY_MISMATCH"

    def __init__(self, detail: str, *, device: str = "", offered: tuple[str, str] | None = None) -> None:
        super().__init__(detail, device=device)
        self.offered = offered
        self.is_reported = False


class FactsMissingError(DeviceError):
    """The device did not say which one it is, so its identity cannot be proved."""

    code = "PRECHECK_PREREQ_MISSING"


class ConnectionLostError(DeviceError):
    """The session ended while it was in use. The line that was sent last may or may not have been applied."""

    code = "CONNECTION_LOST"
    permanent = False


class DeviceTimeoutError(DeviceError):
    """The device kept the session open but did not answer in time."""

    code = "TIMEOUT"
    permanent = False


class CommandRejectedError(DeviceError):
    """The device answered a command with an error message, kept in `message`."""

    code = "COMMAND_REJECTED"

    def __init__(self, detail: str, *, command: str, message: str, device: str = "") -> None:
        super().__init__(detail, device=device)
        self.command = command
        self.message = message


class OutputTruncatedError(DeviceError):
    """An output arrived without its end mark. It must not be used as a baseline."""

    code = "OUTPUT_TRUNCATED"
    permanent = False


class SaveFailedError(DeviceError):
    """The device could not store its running configuration, so a reboot would lose the change.

    The device's own words are in `message`.
    """

    code = "SAVE_FAILED"

    def __init__(self, detail: str, *, message: str, device: str = "") -> None:
        super().__init__(detail, device=device)
        self.message = message


class DeviceBusyError(DeviceError):
    """Somebody else holds the device's candidate, its configuration lock, or a commit that waits to be confirmed."""

    code = "DEVICE_BUSY"
    permanent = False


class BreakerOpenError(DeviceError):
    """Too many failures with one cause: nothing was tried, and nothing is for ``wait_s`` seconds.

    ``hopeless``: it has been so for longer than anybody should wait.
    """

    code = "BREAKER_OPEN"
    permanent = False

    def __init__(self, detail: str, *, wait_s: float, hopeless: bool = False, device: str = "") -> None:
        super().__init__(detail, device=device)
        self.wait_s = wait_s
        self.hopeless = hopeless


class NothingPendingError(DeviceError):
    """There is no commit of that name to confirm: the device has taken it back, or somebody confirmed it."""

    code = "CONFIRM_MISSING"


class CapabilityMissingError(DeviceError):
    """The driver was asked for something that it does not declare; a fault of the program, never of the device."""

    code = "CAPABILITY_MISSING"


class SecretUnavailableError(DeviceError):
    """The credential provider has no usable credential of that name. Nothing was tried without it."""

    code = "SECRET_UNAVAILABLE"


class SecretStoreDownError(SecretUnavailableError):
    """The credential provider does not answer, or not yet: it is down, sealed or overloaded."""

    permanent = False


class SecretScopeDeniedError(DeviceError):
    """No credential may be used for this device and this purpose. Nothing was tried with another one."""

    code = "SECRET_SCOPE_DENIED"


class InventoryError(DeviceError):
    """An inventory source could not be loaded. What is known from before stays as it is."""

    code = "INV_REFRESH_FAILED"


class SourceDeniedError(InventoryError):
    """An inventory source does not accept the token, or its user may not read what is needed."""

    code = "INV_SOURCE_DENIED"


class SourceRefusesError(InventoryError):
    """An inventory source does not accept this one request, for example since its object is gone; others may do."""


class SyncLostError(InventoryError):
    """The worker of a synchronisation ended before it did. Nothing of it was taken in."""

    code = "INV_SYNC_LOST"


class SourceShrankError(InventoryError):
    """A source lists far fewer devices than before, as one does whose token lost a right. Nothing was replaced."""

    code = "INV_SOURCE_SHRANK"


class SyncRunningError(DeviceError):
    """The source is being synchronised at this moment; a second synchronisation would only compete with it."""

    code = "INV_SYNC_RUNNING"
    permanent = False


class UnknownSourceError(DeviceError):
    """No inventory source has this name, or not one that can be synchronised from here."""

    code = "INV_SOURCE_UNKNOWN"


class WebhookRefusedError(DeviceError):
    """A webhook call whose signature is not that of its body."""

    code = "GATE_SIGNATURE"


class UnknownDeviceFilterError(DeviceError):
    """A device filter that does not exist was asked for; ignoring it would widen the selection."""

    code = "unknown_filter"


class NotPermittedError(DeviceError):
    """The person does not hold the role that this needs."""

    code = "GATE_ROLE_DENIED"


class BadFieldsError(DeviceError):
    """What somebody typed or sent cannot be used; `fields` maps a field's name to its sentences."""

    code = "invalid_input"

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self.fields: dict[str, list[str]] = {name: list(sentences) for name, sentences in fields.items()}
        super().__init__(" ".join(sentence for sentences in self.fields.values() for sentence in sentences))


class DeviceNotFoundError(DeviceError):
    """There is no such device, key or alert."""

    code = "not_found"


class OutdatedError(DeviceError):
    """What the person looked at is not what stands now. Nothing was changed."""

    code = "conflict"


class LeaseLostError(Exception):
    """Another worker holds the row now; this one must stop at once and write nothing more.

    It is no :class:`DeviceError`: nothing is wrong with the device, and nothing may be tried again here.
    """

    code: ClassVar[str] = "LEASE_LOST"
