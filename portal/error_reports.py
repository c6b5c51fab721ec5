"""Django's error reports, as pages and as texts, without secrets."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from devices.drivers.base import Credential, Endpoint
from devices.services.scrubbing import Scrubber

_HIDDEN: Final = "<hidden>"
_HOLDERS: Final = ("Retrieved", "FixedToken", "AppRole", "Scrubber", "SecretValues")


class SecretReporterFilter(SafeExceptionReporterFilter):
    """Hides secrets in the variables of error reports, in debug mode too."""

    def is_active(self, request: HttpRequest | None) -> bool:  # noqa: ARG002 - Django's signature
        """Always: an error page with source code is no reason to show passwords."""
        return True

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: Any) -> list[tuple[str, Any]]:  # noqa: ANN401 - Django's
        """A frame's variables; those that hold credentials are hidden whatever they are called."""
        found = super().get_traceback_frame_variables(request, tb_frame)
        return [(name, self._hidden(name, value)) for name, value in found]

    def _hidden(self, name: str, value: object) -> object:
        if isinstance(value, Credential | Endpoint) or type(value).__name__ in _HOLDERS:
            return _HIDDEN
        return self.cleanse_setting(name, value)


class SecretReporter(ExceptionReporter):
    """Django's error report with every secret value masked in the finished page."""

    def get_traceback_html(self) -> str:
        """The page."""
        return Scrubber.load().prose(super().get_traceback_html())

    def get_traceback_text(self) -> str:
        """The text for mails and for answers to scripts."""
        return Scrubber.load().prose(super().get_traceback_text())
