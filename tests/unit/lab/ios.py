"""A configuration or a whole session on a pure model, for tests without a network."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from devices.lab.ios.config import ConfigSession, IosConfig
from devices.lab.ios.errors import IosError
from devices.lab.ios.machine import Hardware, IosMachine
from devices.lab.ios.render import config_text
from devices.lab.ios.shell import Shell

PORTS = tuple(f"GigabitEthernet1/0/{number}" for number in range(1, 5))
BASE = """hostname sw1
vlan 10
 name users
interface Vlan10
 ip address 192.0.2.1 255.255.255.0
ntp server 198.51.100.1
"""


def config(text: str = BASE, *, numbered_lists: bool = False) -> IosConfig:
    return IosConfig.load(text, physical=PORTS, numbered_lists=numbered_lists)


def typed(lines: Iterable[str], text: str = BASE, *, numbered_lists: bool = False) -> str:
    """The configuration after these lines, each of which the device must take."""
    changed = config(text, numbered_lists=numbered_lists)
    session = ConfigSession(changed)
    for line in lines:
        session.execute(line)
    return config_text(changed)


def difference(lines: Iterable[str], text: str = BASE) -> tuple[list[str], list[str]]:
    """Lines that go and lines that come, apart from separators."""
    before = config_text(config(text)).splitlines()
    after = typed(lines, text).splitlines()
    gone = [line for line in before if line not in after and line != "!"]
    come = [line for line in after if line not in before and line != "!"]
    return gone, come


def section(head: str, text: str) -> list[str]:
    """The indented lines below a line, without indentation."""
    lines = text.splitlines()
    below = lines[lines.index(head) + 1 :]
    end = next((i for i, line in enumerate(below) if not line.startswith(" ")), len(below))
    return [line.strip() for line in below[:end]]


def refusal(line: str, text: str = BASE, *, after: Iterable[str] = ()) -> IosError | None:
    """How the device refuses the line, and proof that nothing changed."""
    changed = config(text)
    session = ConfigSession(changed)
    for each in after:
        session.execute(each)
    before = config_text(changed)
    try:
        session.execute(line)
    except IosError as error:
        assert config_text(changed) == before
        return error
    return None


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


def machine(text: str = BASE, clock: Clock | None = None) -> IosMachine:
    return IosMachine(Hardware("FOC1", "WS-C2960X-24TS-L", PORTS), text, clock or Clock())


def shell(on: IosMachine | None = None, *, privileged: bool = True, enable_secret: str | None = None) -> Shell:
    return Shell(on or machine(), username="lab", privileged=privileged, enable_secret=enable_secret)


def say(session: Shell, *lines: str) -> str:
    """Everything that the device prints for these lines, without prompts."""
    return "".join(session.execute(line).text for line in lines)
