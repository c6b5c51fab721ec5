"""What a text from an inventory source must be like, whatever the source, before it becomes a device's."""

import re
import unicodedata
from collections.abc import Iterable

from devices.models import Device

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_ADDRESS = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9._:%-]*")
LIST_LIMITS = {"tags": 100, "uplinks": 200}
"""How long one text of a list may be, by the device's field."""


def text_problem(field: str, value: str) -> str:
    """What is wrong with a text for this field of a device, to follow its name in a sentence; or nothing.

    Names and places get into configuration lines through templates, so nothing is let in that a reader cannot see.
    """
    limit = getattr(Device._meta.get_field(field), "max_length", None)
    if limit and len(value) > limit:
        return f"{field} has {len(value)} characters; {limit} are allowed."
    if _is_hiding(value):
        return f"{field} holds a line break or another character that cannot be seen; take it out."
    if field == "address" and value and not _ADDRESS.fullmatch(value):
        return "address is neither a host name nor an IP address."
    return ""


def list_problem(field: str, texts: Iterable[object]) -> str:
    """The same for a list of texts, such as tags."""
    limit = LIST_LIMITS[field]
    for text in texts:
        if not isinstance(text, str) or not text or len(text) > limit or _is_hiding(text):
            return f"{field} must be a list of texts of up to {limit} characters; put them in quotes."
    return ""


def _is_hiding(text: str) -> bool:
    return any(unicodedata.category(char) in _HIDDEN for char in text)
