from collections.abc import Iterable

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class FirstRenderer(BaseContentNegotiation):
    """Answers in the first form that the view has, whatever is asked for.

    ``?format=csv`` is a parameter of the export here. REST framework would take it for a renderer's name and
    answer 404, and ``Accept: text/csv`` would be a 406 for errors, which are JSON.
    """

    def select_parser(self, _request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        """The first parser; nothing here has a body."""
        return next(iter(parsers))

    def select_renderer(
        self, _request: Request, renderers: Iterable[BaseRenderer], _format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The first renderer and its media type."""
        renderer = next(iter(renderers))
        return renderer, renderer.media_type
