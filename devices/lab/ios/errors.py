class IosError(Exception):
    """The simulated device refuses a line; `result` is the word for it in the command log."""

    result = "error"


class InvalidInputError(IosError):
    """A token that means nothing here; `column` is its place in the line as typed."""

    result = "invalid"

    def __init__(self, column: int) -> None:
        super().__init__(column)
        self.column = column


class IncompleteError(IosError):
    """The line ends too early."""

    result = "incomplete"


class AmbiguousError(IosError):
    """An abbreviation that could be several words."""

    result = "ambiguous"


class RefusedError(IosError):
    """Well formed, but not possible now; `message` holds the device's words."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
