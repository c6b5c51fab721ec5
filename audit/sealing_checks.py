"""What ``manage.py check --deploy`` says of the sealer's key, of the public keys and of the anchors."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core import checks

from audit.anchors.specification import AnchorSpecification
from audit.errors import KeyFileError
from audit.sealing.trust import trusted_keys

W_KEY: Final = "audit.W003"
W_NO_VERIFIERS: Final = "audit.W004"
W_VERIFIERS: Final = "audit.W005"
W_ANCHORS: Final = "audit.W006"
W_SEALER_LOGIN: Final = "audit.W007"
_SEALER: Final = "docs/operations.md, The sealer"


@checks.register(checks.Tags.security, deploy=True)
def check_sealing(app_configs: Sequence[Any] | None, **_named: object) -> list[checks.CheckMessage]:  # noqa: ARG001 - Django's signature
    """Warn when whoever serves requests could sign the log, or nobody could tell. Run it as the web server's user."""
    found = (_key(), _no_verifiers(), _verifiers(), _anchors(), _sealer_login())
    return [message for message in found if message is not None]


def _key() -> checks.CheckMessage | None:
    path = Path(settings.AUDIT_KEY_FILE)
    if os.geteuid() == 0:
        return checks.Warning(
            "This check runs as root, who can read the sealer's key. Where the web server and the workers run as root,"
            " whoever gets into them can forge the audit log.",
            hint=f"Run both, and this check, as a user of their own ({_SEALER}).",
            id=W_KEY,
        )
    if not os.access(path, os.R_OK) and not os.access(path.parent, os.W_OK):
        return None
    return checks.Warning(
        f"The user of this process can read or replace the sealer's key {path}. Whoever gets into the web server or a"
        " worker can sign another history of the audit log.",
        hint="Run `manage.py audit_sealer` as a user of its own, with AUDIT_KEY_FILE in a folder of that user"
        f" ({_SEALER}).",
        id=W_KEY,
    )


def _no_verifiers() -> checks.CheckMessage | None:
    try:
        problem = "" if trusted_keys() else f"{settings.AUDIT_VERIFIERS} names no public key of the audit log."
    except KeyFileError as error:
        problem = str(error)
    if not problem:
        return None
    return checks.Warning(
        f"{problem} Nothing can be verified here, so no change is written to any device.",
        hint="Put the lines that `manage.py audit_key show` prints into the file that AUDIT_VERIFIERS names.",
        id=W_NO_VERIFIERS,
    )


def _verifiers() -> checks.CheckMessage | None:
    path = Path(settings.AUDIT_VERIFIERS)
    if os.geteuid() == 0 or not (os.access(path, os.W_OK) or os.access(path.parent, os.W_OK)):
        return None
    return checks.Warning(
        f"The user of this process can write the file of public keys {path}. Whoever gets into the web server or a"
        " worker can have it believe a key of their own.",
        hint="Give the file and its folder to root or to the sealer's user, such as AUDIT_VERIFIERS=/etc/countersign/"
        "audit_verifiers, readable by all.",
        id=W_VERIFIERS,
    )


def _anchors() -> checks.CheckMessage | None:
    home = Path(settings.COUNTERSIGN_HOME).resolve()
    anchors: Sequence[AnchorSpecification] = settings.AUDIT_ANCHORS
    if any(not _is_inside(anchor, home) for anchor in anchors):
        return None
    lies = (
        "The only anchor of the audit log lies in the installation's own folder"
        if anchors
        else ("The audit log has no anchor")
    )
    return checks.Warning(
        f"{lies}: who holds this machine and the sealer's key could show another history, and nobody could tell.",
        hint="Name a place of other people in AUDIT_ANCHOR, such as mailto: or https: (docs/audit-log.md, Anchors).",
        id=W_ANCHORS,
    )


def _is_inside(anchor: AnchorSpecification, home: Path) -> bool:
    """Whether it is a file or a repository in the installation's folder; one that pushes elsewhere cannot be told."""
    return anchor.kind == "file" and Path(anchor.target).resolve().is_relative_to(home)


def _sealer_login() -> checks.CheckMessage | None:
    if settings.EMBEDDED_POSTGRES or not settings.DATABASE_SEALER:
        return None
    return checks.Warning(
        "DATABASE_SEALER_URL is set in this environment, so whoever gets into the web server or a worker can sign in as"
        " the sealer.",
        hint=f"Keep it in the environment of `manage.py audit_sealer` alone ({_SEALER}).",
        id=W_SEALER_LOGIN,
    )
