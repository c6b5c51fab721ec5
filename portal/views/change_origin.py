"""Which template version the form of a change is for."""

from __future__ import annotations

from django.http import QueryDict

from changes.domain.errors import InvalidInputError
from changes.models import TemplateVersion


def version_of(data: QueryDict) -> TemplateVersion | None:
    """The version that a sent form was drawn for, approved or not any more; None for a form without a template."""
    text = data.get("template_version", "")
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        return None
    return TemplateVersion.objects.select_related("template__successor").filter(pk=int(text)).first()


def template_asked(data: QueryDict) -> int | None:
    """The template that ``?template=`` names.

    Raises:
        InvalidInputError: it names none.
    """
    text = data.get("template", "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidInputError({"template": ["The address names no template. Choose one in the library."]})
    return int(text)
