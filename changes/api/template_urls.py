from django.urls import URLPattern, path

from changes.api import templates
from devices.api import converters  # noqa: F401 - makes <id:…> known

_TEMPLATE = "templates/<id:template_id>/"
_VERSION = f"{_TEMPLATE}versions/<id:number>/"

urlpatterns: list[URLPattern] = [
    path("templates/", templates.TemplateListView.as_view(), name="api-template-list"),
    path(_TEMPLATE, templates.TemplateDetailView.as_view(), name="api-template-detail"),
    path(f"{_TEMPLATE}versions/", templates.TemplateVersionListView.as_view(), name="api-template-revise"),
    path(f"{_TEMPLATE}deprecate/", templates.TemplateDeprecateView.as_view(), name="api-template-deprecate"),
    path(f"{_TEMPLATE}restore/", templates.PreApprovalRestoreView.as_view(), name="api-template-restore"),
    path(_VERSION, templates.TemplateVersionView.as_view(), name="api-template-version"),
    path(f"{_VERSION}propose/", templates.TemplateProposeView.as_view(), name="api-template-propose"),
    path(f"{_VERSION}withdraw/", templates.TemplateWithdrawView.as_view(), name="api-template-withdraw"),
    path(f"{_VERSION}approve/", templates.TemplateApproveView.as_view(), name="api-template-approve"),
    path(f"{_VERSION}return/", templates.TemplateReturnView.as_view(), name="api-template-return"),
    path(f"{_VERSION}diff/", templates.TemplateDiffView.as_view(), name="api-template-diff"),
]
