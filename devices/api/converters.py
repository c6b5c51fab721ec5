from django.urls import register_converter


class RowId:
    """A row's id in an address: a number that a bigint column can hold. Anything else is no address at all."""

    regex = "[1-9][0-9]{0,17}"

    def to_python(self, value: str) -> int:
        """The id."""
        return int(value)

    def to_url(self, value: int) -> str:
        """The id as text."""
        return str(value)


register_converter(RowId, "id")
