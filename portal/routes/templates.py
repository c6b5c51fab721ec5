from django.urls import URLPattern, path

from portal.views import template_form, template_steps, templates

_VERSION = "templates/<int:template_id>/versions/<int:number>/"

urlpatterns: list[URLPattern] = [
    path("templates/", templates.template_list, name="template-list"),
    path("templates/new/", template_form.template_create_page, name="template-create"),
    path("templates/<int:template_id>/", templates.template_detail, name="template-detail"),
    path("templates/<int:template_id>/settings/", template_steps.template_settings, name="template-settings"),
    path("templates/<int:template_id>/revise/", template_steps.template_revise, name="template-revise"),
    path("templates/<int:template_id>/deprecate/", template_steps.template_deprecate, name="template-deprecate"),
    path("templates/<int:template_id>/restore/", template_steps.template_restore, name="template-restore"),
    path(_VERSION, templates.template_version, name="template-version"),
    path(f"{_VERSION}edit/", template_form.template_edit_page, name="template-edit"),
    path(f"{_VERSION}compare/", templates.template_compare, name="template-compare"),
    path(f"{_VERSION}propose/", template_steps.template_propose, name="template-propose"),
    path(f"{_VERSION}withdraw/", template_steps.template_withdraw, name="template-withdraw"),
    path(f"{_VERSION}review/", template_steps.template_review, name="template-review"),
]
