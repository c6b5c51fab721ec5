from collections.abc import Iterator
from typing import Protocol, runtime_checkable


class Anchor(Protocol):
    """Somewhere that keeps checkpoints where the database's owners cannot change them."""

    def publish(self, checkpoint: str) -> None:
        """Hand over a signed note; the same one may come twice. It ends within half a minute.

        Raises:
            AnchorError: it was not taken; it is handed over again later, or a newer one is.
        """


@runtime_checkable
class Witness(Protocol):
    """An anchor that can be asked what it was given."""

    def checkpoints(self) -> Iterator[str]:
        """The signed notes in the order in which they came.

        Raises:
            AnchorError: it cannot be read.
        """


@runtime_checkable
class Newest(Protocol):
    """An anchor that tells what it was given last, without reading all of it."""

    def newest(self) -> str:
        """The signed note; empty where it has none.

        Raises:
            AnchorError: it cannot be read.
        """
