"""One device without a network: hardware, running and startup configuration, files, and a pending rollback."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from devices.lab.ios.config import ConfigSession, IosConfig
from devices.lab.ios.errors import RefusedError
from devices.lab.ios.render import config_text, hostname


@dataclass(frozen=True, slots=True)
class Hardware:
    """What the box is; its interfaces are there whatever is configured.

    `family` is "ios" (classic, 15.2) or "xe" (17.9): they differ in a few outputs.
    """

    serial: str
    model: str
    interfaces: tuple[str, ...]
    family: str = "ios"

    @property
    def software(self) -> str:
        """The version that `show version` prints."""
        return "17.9.4a" if self.family == "xe" else "15.2(7)E8"

    def load(self, text: str) -> IosConfig:
        """The configuration that this box has after booting with the text."""
        is_xe = self.family == "xe"
        return IosConfig.load(text, physical=self.interfaces, numbered_lists=is_xe, version="17.9" if is_xe else "15.2")


@dataclass(slots=True)
class PendingRevert:
    """`configure terminal revert timer`: what comes back, and when, unless it is confirmed."""

    text: str
    at: datetime
    since: datetime
    minutes: int
    user: str


@dataclass(slots=True)
class IosMachine:
    """The state that all sessions of a device share. `clock` gives the time in UTC.

    `on_startup` is told each new startup configuration, so that a disk can outlive the process.

    `disk_full` makes every save fail. `minute` is how long one minute of the revert timer takes, so that a test need
    not wait for a real one. `strain` is how much of CPU, memory and flash is claimed to be in use, in
    per cent; 0 stands for an ordinary share.
    """

    hardware: Hardware
    startup: str
    clock: Callable[[], datetime]
    minute: timedelta = timedelta(minutes=1)
    on_startup: Callable[[str], None] = lambda _text: None
    files: dict[str, str] = field(default_factory=dict)
    disk_full: bool = False
    revert: PendingRevert | None = None
    seen_as: tuple[str, str] = ("", "")
    strain: tuple[int, int, int] = (0, 0, 0)
    archived: list[str] = field(init=False, default_factory=list)
    archive_count: int = field(init=False, default=0)
    running: IosConfig = field(init=False)
    booted: datetime = field(init=False)
    changed: datetime = field(init=False)
    changed_by: str = field(init=False, default="")
    saved: datetime | None = field(init=False, default=None)
    _text: str | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.reboot()

    def reboot(self) -> None:
        """Start from the startup configuration; what was not saved is lost."""
        self.running = self.hardware.load(self.startup)
        self._text = None
        self.booted = self.changed = self.clock()
        self.changed_by = ""
        self.revert = None

    @property
    def hostname(self) -> str:
        """The name in prompt and outputs."""
        return self.seen_as[0] or hostname(self.running)

    @property
    def serial(self) -> str:
        """The serial number in outputs."""
        return self.seen_as[1] or self.hardware.serial

    @property
    def unsaved(self) -> bool:
        """Whether the running configuration differs from the one that a reboot would bring."""
        startup = self.hardware.load(self.startup)
        return config_text(startup) != self.running_text()

    def running_text(self) -> str:
        """The running configuration without the header that changes with the time."""
        if self._text is None:
            self._text = config_text(self.running)
        return self._text

    def session(self) -> ConfigSession:
        """A session in configuration mode; `touch` must follow each of its lines."""
        return ConfigSession(self.running)

    def save(self) -> None:
        """Make the running configuration the startup configuration.

        Raises:
            RefusedError: the disk is full.
        """
        if self.disk_full:
            raise RefusedError(
                "%Error opening nvram:/startup-config (No space left on device)\n"
                "startup-config file open failed (Not enough space)"
            )
        self.write_startup(self.running_text())
        self.saved = self.clock()

    def archive_setting(self, name: str) -> str:
        """What `path` or `maximum` of the archive is set to; "" if it is not."""
        block = self.running.root.find("archive")
        found = block.body.find(name) if block is not None and block.body is not None else None
        return "" if found is None or found.negated else " ".join(found.tokens[1:])

    def archive(self) -> None:
        """Keep the running configuration in the archive; the oldest goes when there are too many.

        Raises:
            RefusedError: the archive has no path, or the disk is full.
        """
        path = self.archive_setting("path")
        if not path:
            raise RefusedError("Archive feature not enabled\n% Error caught by command handler")
        if self.disk_full:
            raise RefusedError(f"%Error opening {path}-{self.archive_count} (No space left on device)")
        name = f"{path}-{self.archive_count}"
        self.archive_count += 1
        self.files[name.removeprefix("flash:").lstrip("/")] = self.running_text()
        self.archived.append(name)
        for old in self.archived[: -int(self.archive_setting("maximum") or 10)]:
            self.files.pop(old.removeprefix("flash:").lstrip("/"), None)
            self.archived.remove(old)

    def write_startup(self, text: str) -> None:
        """Put a text on the disk as the startup configuration."""
        self.startup = text
        self.on_startup(text)

    def edit(self, lines: Iterable[str], *, by: str = "console") -> None:
        """Change the running configuration past every session, as someone at the console would.

        Raises:
            IosError: a line is refused; the lines before it stay.
        """
        session = self.session()
        try:
            for line in lines:
                session.execute(line)
        finally:
            self.touch(by)

    def touch(self, by: str) -> None:
        """Note that the configuration was changed just now."""
        self.changed, self.changed_by = self.clock(), by
        self._text = None

    def replace_running(self, text: str, *, by: str) -> None:
        """Make the running configuration exactly this one; sessions in configuration mode stay usable."""
        new = self.hardware.load(text)
        self.running.root.entries.clear()
        self.running.root.entries.update(new.root.entries)
        self.touch(by)

    def arm_revert(self, minutes: int, *, by: str) -> None:
        """Remember the running configuration and bring it back after so many minutes.

        Raises:
            RefusedError: the archive is not configured, or a revert is already pending.
        """
        archive = self.running.root.find("archive")
        if archive is None or archive.body is None or archive.body.find("path") is None:
            raise RefusedError("% Configuration archive is not set up: configure 'archive' with a 'path' first")
        if self.revert is not None:
            raise RefusedError("% A rollback confirmed change is already pending")
        self.revert = PendingRevert(
            self.running_text(), self.clock() + minutes * self.minute, self.clock(), minutes, by
        )

    def tick(self) -> bool:
        """Bring back the remembered configuration when its time has come; tells whether that happened."""
        if self.revert is None or self.clock() < self.revert.at:
            return False
        text, self.revert = self.revert.text, None
        self.replace_running(text, by="rollback timer")
        return True
