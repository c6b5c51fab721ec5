from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.views.design_samples import samples


@require_safe
def design_system(request: HttpRequest) -> HttpResponse:
    """Every component with sample data; only where ``DEBUG`` or ``DESIGN_PAGES`` is on."""
    if not (settings.DEBUG or getattr(settings, "DESIGN_PAGES", False)):
        raise Http404
    return render(request, "design/index.html", samples())
