"""The tree that a configuration is read into."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Node:
    """One line and the lines below it; ``body`` is verbatim text that belongs to it (a banner, a certificate)."""

    text: str
    children: list["Node"] = field(default_factory=list)
    body: str | None = None

    def copy(self) -> "Node":
        """Copy the whole subtree."""
        return Node(self.text, [child.copy() for child in self.children], self.body)

    def walk(self) -> Iterator["Node"]:
        """This node and everything below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def identity(self) -> str:
        """The line with its verbatim text, for comparing."""
        return self.text if self.body is None else f"{self.text}\n{self.body}"
