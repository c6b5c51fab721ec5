"""What the simpler simulated devices have in common: hardware, a disk, a clock and a timer."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from devices.lab.ios.machine import Hardware


@dataclass(slots=True)
class Box(ABC):
    """The state that all sessions of a device share. `clock` gives the time in UTC.

    `minute` is how long one minute of a timer takes, so that a test need not wait for a real one. `on_startup` is told
    each new startup configuration; `disk_full` makes every save fail.
    """

    hardware: Hardware
    startup: str
    clock: Callable[[], datetime]
    minute: timedelta = timedelta(minutes=1)
    on_startup: Callable[[str], None] = lambda _text: None
    disk_full: bool = False
    seen_as: tuple[str, str] = ("", "")
    strain: tuple[int, int, int] = (0, 0, 0)
    booted: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.reboot()

    def reboot(self) -> None:
        """Start from the startup configuration; what was not saved, locks and timers are lost."""
        self.booted = self.clock()
        self.start_with(self.startup)

    @abstractmethod
    def start_with(self, text: str) -> None:
        """Take this configuration as the running one, and forget everything else."""

    @abstractmethod
    def running_text(self) -> str:
        """The running configuration without the header that changes with the time."""

    @abstractmethod
    def edit(self, lines: Iterable[str]) -> None:
        """Change the running configuration past every session.

        Raises:
            IosError: a line is refused; those before it stay.
        """

    @abstractmethod
    def tick(self) -> bool:
        """Let a timer run out, if its time has come; tells whether it did."""

    @property
    @abstractmethod
    def configured_name(self) -> str:
        """The hostname in the running configuration."""

    @property
    def hostname(self) -> str:
        """The name in prompt and outputs."""
        return self.seen_as[0] or self.configured_name

    @property
    def serial(self) -> str:
        """The serial number in outputs."""
        return self.seen_as[1] or self.hardware.serial

    def write_startup(self, text: str) -> None:
        """Put a text on the disk as the startup configuration."""
        self.startup = text
        self.on_startup(text)
