import getpass
import os
from dataclasses import dataclass
from enum import StrEnum


class Origin(StrEnum):
    """The door through which an action came in."""

    WEB = "web"
    API = "api"
    SYSTEM = "system"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where. Services take this, never a request.

    ``user_id`` is empty for the system and for commands. ``username`` is stored with every event, so that
    the log can be read after the account is gone.
    """

    user_id: int | None
    username: str
    origin: Origin
    request_id: str = ""
    ip: str = ""

    def __post_init__(self) -> None:
        if not self.username:
            raise ValueError("An actor needs a username: an event without a name proves nothing.")

    @classmethod
    def command(cls) -> "Actor":
        """Who runs a management command, by the name of the operating system's account, if it has one."""
        try:
            name = getpass.getuser()
        except (KeyError, OSError):  # a container's user need not have a name; OSError since Python 3.13
            name = f"uid-{os.getuid()}"
        return cls(user_id=None, username=name, origin=Origin.COMMAND)

    @classmethod
    def system(cls, name: str) -> "Actor":
        """The product itself, acting as its part ``name`` (``worker``, ``dispatcher``, ``scheduler`` …)."""
        return cls(user_id=None, username=name, origin=Origin.SYSTEM)
