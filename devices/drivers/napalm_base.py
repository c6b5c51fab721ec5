"""What the NAPALM drivers share: the declared table of what each can do, sessions of their own name, refusals.

NAPALM's own `commit_config`, `rollback` and `close` do more than they say on some platforms; docs/drivers.md lists
these traps. So they are called only where a test shows that what they do is what is wanted.
"""

import logging
import re
import secrets
import ssl
from collections.abc import Sequence
from typing import Final

import paramiko
from ncclient.transport.errors import SSHError, SSHUnknownHostError

from devices.domain.drivers import NAPALM_EOS, NAPALM_EOS_HTTP, NAPALM_IOS, NAPALM_IOSXR, NAPALM_JUNOS, NAPALM_NXOS
from devices.domain.platforms import Platform
from devices.domain.prediction import stray_exits
from devices.drivers import tls
from devices.drivers.base import Capabilities, ConfirmTimer, Endpoint
from devices.drivers.key_scan import scan_keys
from devices.errors import CommandRejectedError, HostKeyMismatchError, UnreachableError

# both log each lost connection as an error with a traceback; without a handler Python would print it to stderr
for _library in ("pyeapi", "napalm"):
    logging.getLogger(_library).addHandler(logging.NullHandler())

OWN_PREFIX: Final = "countersign-"
"""Configuration sessions whose names begin so are ours."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_LEAVES: Final = re.compile(
    r"\s*(?:end|abort|commit|rollback|configure|conf|run|do|bash|file|top|quit)\b(?!-)", re.IGNORECASE
)
_MINUTE: Final = 60

CAPABILITIES: Final[dict[str, Capabilities]] = {
    # `commit timer HH:MM:SS`; NAPALM writes the time with strftime, which ends at one day
    NAPALM_EOS: Capabilities(
        candidate_diff=True,
        atomic_commit=True,
        commit_confirmed=ConfirmTimer(1, 10, 86399),
        config_replace=True,
        one_session=False,
    ),
    # a merge is typed line by line on the device: the lines before a refused one stay; the incremental diff of the
    # archive is a list of commands, not what the configuration will be
    NAPALM_IOS: Capabilities(commit_confirmed=ConfirmTimer(_MINUTE, _MINUTE, 120 * _MINUTE), config_replace=True),
    # `commit confirmed` counts minutes; what is committed is what the device starts with
    NAPALM_JUNOS: Capabilities(
        candidate_diff=True,
        atomic_commit=True,
        commit_confirmed=ConfirmTimer(_MINUTE, _MINUTE, 65535 * _MINUTE),
        config_replace=True,
        save=False,
    ),
    # NAPALM raises NotImplementedError for `revert_in`; its diff of a merge is the text of the merge
    NAPALM_NXOS: Capabilities(config_replace=True, one_session=False),
    NAPALM_IOSXR: Capabilities(candidate_diff=True, atomic_commit=True, config_replace=True, save=False),
}
CAPABILITIES[NAPALM_EOS_HTTP] = CAPABILITIES[NAPALM_EOS]


def session_name() -> str:
    """A name for a configuration session that nobody else uses."""
    return f"{OWN_PREFIX}{secrets.token_hex(6)}"


def unproved(error: BaseException, endpoint: Endpoint) -> HostKeyMismatchError | None:
    """The error for a key or certificate that is not pinned, if a library's exception hides one somewhere behind it.

    Some libraries do not tell which key they refused. Then the device is asked for its keys once more, without a
    password, so that a person can see what answers there.
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, tls.UnpinnedCertificateError):
            return tls.unpinned(endpoint, seen.offered)
        if isinstance(seen, ssl.SSLCertVerificationError):
            return tls.untrusted(endpoint, seen.verify_message)
        if isinstance(seen, paramiko.BadHostKeyException):
            return _unpinned_key(endpoint, (seen.key.get_name(), seen.key.get_base64()))
        if isinstance(seen, SSHUnknownHostError) or "known_hosts" in str(seen):
            return _unpinned_key(endpoint, _shown_key(endpoint))
        if isinstance(seen, SSHError) and "Negotiation failed" in str(seen):
            # ncclient asks for keys of the pinned types alone; the device may have only others now
            shown = _shown_key(endpoint)
            return _unpinned_key(endpoint, shown) if shown else None
        seen = seen.__cause__ or seen.__context__
    return None


def _unpinned_key(endpoint: Endpoint, offered: tuple[str, str] | None) -> HostKeyMismatchError:
    return HostKeyMismatchError(
        f"{endpoint.host} port {endpoint.port} proved itself with a key that is not pinned for this device. "
        "No password was sent.",
        device=endpoint.name,
        offered=offered,
    )


def _shown_key(endpoint: Endpoint) -> tuple[str, str] | None:
    """A key that the device shows and that is not pinned; one of a pinned type rather than another."""
    pinned = {(words[0], words[1]) for key in endpoint.host_keys if len(words := key.split()) > 1}
    types = {key_type for key_type, _ in pinned}
    try:
        keys = scan_keys(endpoint.host, endpoint.port, timeout_s=endpoint.connect_timeout_s, device=endpoint.name)
    except UnreachableError:
        return None
    return min((key for key in keys if key not in pinned), key=lambda key: key[0] not in types, default=None)


def refuse_what_leaves(commands: Sequence[str], platform: Platform, *, device: str) -> None:
    """Make sure that every line stays inside the candidate: the next one would run as a command of the device.

    Raises:
        CommandRejectedError: a line would leave configuration mode or end the session, or holds a control character.
    """
    strays = set(stray_exits(commands, platform))
    for number, line in enumerate(commands, start=1):
        leaves = _LEAVES.match(line) is not None or number in strays
        if leaves or _CONTROL.search(line):
            message = "it would leave the configuration session" if leaves else "it holds a control character"
            raise CommandRejectedError(
                f"“{line[:80]!r}” was not sent: {message}.", command=line, message=message, device=device
            )
