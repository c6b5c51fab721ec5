"""What a browser remembers about how pages look.

Cookies, so that the server draws the first paint right without a script.
"""

from typing import Final

from django.http import HttpRequest

CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "theme": ("auto", "light", "dark"),
    "nav": ("full", "rail"),
    "diff": ("unified", "split"),
}
"""Allowed values by name; the first is the default. The cookie has the preference's own name."""

MAX_AGE_S: Final = 365 * 24 * 3600


def preference(request: HttpRequest | None, name: str) -> str:
    """The browser's choice, or the default where there is none or an unknown one."""
    allowed = CHOICES[name]
    value = request.COOKIES.get(name, "") if request is not None else ""
    return value if value in allowed else allowed[0]
