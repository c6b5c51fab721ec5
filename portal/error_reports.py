"""Django's error reports, as pages and as texts, without secrets."""

from __future__ import annotations

import re
from collections.abc import ItemsView
from typing import Any, Final

from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from devices.drivers.base import Credential, Endpoint
from devices.services.scrubbing import Scrubber
from portal.log_filter import without_feed_tokens

_HIDDEN: Final = "<hidden>"
_MASK: Final = re.compile(r"<hidden:([0-9a-f]{8})>")
_HOLDERS: Final = ("Retrieved", "FixedToken", "AppRole", "Scrubber", "SecretValues")


class SecretReporterFilter(SafeExceptionReporterFilter):
    """Hides secrets in the variables of error reports, in debug mode too."""

    def is_active(self, request: HttpRequest | None) -> bool:  # noqa: ARG002 - Django's signature
        """Always: an error page with source code is no reason to show passwords."""
        return True

    def get_traceback_frame_variables(
        self,
        request: HttpRequest | None,
        tb_frame: Any,  # noqa: ANN401 - Django's
    ) -> ItemsView[str, Any]:
        """A frame's variables; those that hold credentials are hidden whatever they are called."""
        found = super().get_traceback_frame_variables(request, tb_frame)
        return {name: self._hidden(name, value) for name, value in found}.items()

    def _hidden(self, name: str, value: object) -> object:
        if isinstance(value, Credential | Endpoint) or type(value).__name__ in _HOLDERS:
            return _HIDDEN
        return self.cleanse_setting(name, value)


class SecretReporter(ExceptionReporter):
    """Django's error report with every secret value masked in the finished page."""

    def get_traceback_html(self) -> SafeString:
        """The page; its masks are text of the page, not tags."""
        masked = without_feed_tokens(Scrubber.load().prose(super().get_traceback_html()))
        return SafeString(_MASK.sub(r"&lt;hidden:\1&gt;", masked))

    def get_traceback_text(self) -> SafeString:
        """The text for mails and for answers to scripts."""
        return SafeString(without_feed_tokens(Scrubber.load().prose(super().get_traceback_text())))
