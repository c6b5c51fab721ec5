"""The settings of sealing, from the environment; a bad one is refused with one sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from audit.anchors.specification import AnchorSpecification, AnchorSpecificationError, read_specifications
from portal.environment import SettingError


@dataclass(frozen=True)
class AuditEnvironment:
    """Where the sealer's key is, which public keys are believed, and what is given the checkpoints.

    The key's file is opened by the sealer alone; to everything else it is a name.
    """

    key_file: Path
    verifiers: Path
    anchors: tuple[AnchorSpecification, ...]
    archives: Path


def read_audit(environ: Mapping[str, str], home: Path) -> AuditEnvironment:
    """Read ``AUDIT_KEY_FILE``, ``AUDIT_VERIFIERS``, ``AUDIT_ANCHOR`` and ``AUDIT_ARCHIVES``.

    Raises:
        SettingError: the first that is wrong.
    """
    try:
        anchors = read_specifications(environ.get("AUDIT_ANCHOR", ""), default=home / "anchors" / "checkpoints")
    except AnchorSpecificationError as error:
        raise SettingError(f"AUDIT_ANCHOR: {error}") from None
    return AuditEnvironment(
        key_file=_path(environ, "AUDIT_KEY_FILE", home / "sealer" / "key"),
        verifiers=_path(environ, "AUDIT_VERIFIERS", home / "audit_verifiers"),
        anchors=anchors,
        archives=_folder(environ, "AUDIT_ARCHIVES", home / "archives"),
    )


def _path(environ: Mapping[str, str], name: str, default: Path) -> Path:
    value = environ.get(name, "").strip()
    if not value:
        return default
    if not Path(value).is_absolute() or Path(value).is_dir():
        raise SettingError(f"{name} is {value!r}: give the whole path of a file.")
    return Path(value)


def _folder(environ: Mapping[str, str], name: str, default: Path) -> Path:
    value = environ.get(name, "").strip()
    if value and (not Path(value).is_absolute() or Path(value).is_file()):
        raise SettingError(f"{name} is {value!r}: give the whole path of a folder.")
    return Path(value) if value else default
