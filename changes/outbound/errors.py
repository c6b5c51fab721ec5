"""Why something could not be handed over, and whether trying again may help. Sentences never hold an address's path."""

from __future__ import annotations


class OutboundError(Exception):
    """A message that was not taken; ``permanent``: it will not be taken later either."""

    def __init__(self, code: str, sentence: str, *, permanent: bool = False) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.sentence = sentence
        self.permanent = permanent

    def __str__(self) -> str:
        return self.sentence
