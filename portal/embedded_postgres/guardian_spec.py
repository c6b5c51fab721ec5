import json
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True)
class GuardianSpec:
    """What the guardian is told, as JSON in its only argument: ``command`` is the server's."""

    data: str
    socket_directory: str
    log: str
    control_lock: str
    users_lock: str
    guardian_lock: str
    command: list[str]
    start: bool
    uid: int
    gid: int

    def to_json(self) -> str:
        """The form that ``from_json`` reads back."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what ``to_json`` wrote."""
        return cls(**json.loads(text))
