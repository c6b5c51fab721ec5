from django.contrib.auth.views import LogoutView
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.http import require_safe

from portal.views.design import design_system
from portal.views.health import readyz
from portal.views.preferences import preference_set
from portal.views.sign_in import SignInView


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view's signature
    """Answer 200 as long as this process serves requests."""
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("api/", include("portal.api.urls")),
    path("sign-in/", SignInView.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("preferences/", preference_set, name="preference-set"),
    path("design/", design_system, name="design-system"),
    path("", include("portal.routes.browsing")),
    path("", include("portal.routes.records")),
    path("", include("portal.routes.gates")),
    path("", include("portal.routes.approvals")),
    path("", include("portal.routes.configs")),
    path("", include("portal.routes.calendar")),
    path("", include("portal.routes.control")),
    path("", include("portal.routes.reports")),
    path("", include("portal.routes.evidence")),
    path("", include("portal.routes.templates")),
    path("", include("portal.routes.policies")),
    path("", include("portal.routes.discussions")),
    path("", include("portal.routes.meetings")),
    path("", include("portal.routes.notifications")),
    path("changes/", include("portal.routes.changes")),
    path("inventory/", include("portal.routes.inventory")),
]
