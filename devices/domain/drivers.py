"""Which drivers there are, and which platforms each of them drives: a table, never a guess."""

from enum import StrEnum
from typing import Final

from devices.domain.platforms import PLATFORMS

NETMIKO_CLI: Final = "netmiko-cli"
NETMIKO_REPLACE: Final = "netmiko-replace"
NAPALM_EOS: Final = "napalm-eos"
NAPALM_EOS_HTTP: Final = "napalm-eos-http"
NAPALM_IOS: Final = "napalm-ios"
NAPALM_NXOS: Final = "napalm-nxos"
NAPALM_JUNOS: Final = "napalm-junos"
NAPALM_IOSXR: Final = "napalm-iosxr"

_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "arista_eos": (NAPALM_EOS, NAPALM_EOS_HTTP),
    "cisco_ios": (NETMIKO_REPLACE, NAPALM_IOS),
    "cisco_xe": (NETMIKO_REPLACE, NAPALM_IOS),
    "cisco_nxos": (NETMIKO_REPLACE, NAPALM_NXOS),
    "cisco_xr": (NAPALM_IOSXR,),
    "juniper_junos": (NAPALM_JUNOS,),
}


class Proof(StrEnum):
    """By what a device proves that it is the one that is meant, before a password is sent."""

    HOST_KEY = "host key"
    CERTIFICATE = "certificate"
    NOTHING = "nothing"


_PROOFS: Final = {
    NAPALM_EOS: Proof.CERTIFICATE,
    NAPALM_NXOS: Proof.CERTIFICATE,
    NAPALM_EOS_HTTP: Proof.NOTHING,
}


def proof_of(driver: str) -> Proof:
    """What a driver demands; one that is not known speaks SSH, so that nothing is allowed by mistake."""
    return _PROOFS.get(driver, Proof.HOST_KEY)


def drivers_of(platform: str) -> tuple[str, ...]:
    """The drivers that drive a platform, its default first; empty for a platform that is not known."""
    return (NETMIKO_CLI, *_CHOICES.get(platform, ())) if platform in PLATFORMS else ()


def driver_for_platform(platform: str, chosen: str = "") -> str:
    """The driver's name for a device: what the inventory chose, else the platform's default.

    Raises:
        DriverUnknownError: the inventory chose one that does not drive this platform.
    """
    known = drivers_of(platform)
    name = chosen or (known[0] if known else "")
    if name not in known:
        raise DriverUnknownError(platform, chosen, known)
    return name


def proof_demanded(platform: str, chosen: str = "") -> Proof:
    """What the device's driver demands; a driver that is not known counts as SSH, so that nothing is allowed."""
    try:
        return proof_of(driver_for_platform(platform, chosen))
    except DriverUnknownError:
        return Proof.HOST_KEY


class DriverUnknownError(LookupError):
    """The inventory names a driver that does not drive the device's platform; ``known`` lists those that do."""

    def __init__(self, platform: str, chosen: str, known: tuple[str, ...]) -> None:
        super().__init__(f"The driver {chosen!r} does not drive {platform}. Use one of: {', '.join(known)}.")
        self.platform = platform
        self.chosen = chosen
        self.known = known
