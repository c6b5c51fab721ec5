"""Change templates: runbooks in versions, who wrote and reviewed them, and what was given back after a failure."""

from __future__ import annotations

import json
from typing import Any, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from changes.domain.roles import Role
from changes.domain.templates.states import ReviewDecision, TemplateState

OPEN_VERSION_STATES = [TemplateState.DRAFT.value, TemplateState.PROPOSED.value]


class Template(models.Model):
    """A change template: a name, somebody who answers for it, and its versions."""

    name = models.CharField(max_length=100, unique=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    successor = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="predecessors",
        help_text="The template to use instead, once this one is deprecated.",
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="template_has_a_name"),
            models.CheckConstraint(condition=~Q(successor=F("id")), name="template_is_not_its_own_successor"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"

    @property
    def number(self) -> str:
        """The name people say: ``TPL-0007``."""
        return f"TPL-{self.pk:04d}"


class TemplateVersionQuerySet(models.QuerySet["TemplateVersion"]):
    """States of the world for template versions."""

    def approved(self) -> Self:
        """Those that new changes can be made from."""
        return self.filter(state=TemplateState.APPROVED)

    def awaiting_review(self) -> Self:
        """Those that somebody else has to read."""
        return self.filter(state=TemplateState.PROPOSED)


class TemplateVersion(models.Model):
    """One version of a template. From its proposal on, a trigger refuses every change of what it says.

    ``document`` holds the canonical bytes of :class:`changes.domain.templates.document.TemplateDocument`; ``digest``
    is their SHA-256, which a trigger checks too. The other columns follow from the document.
    """

    template = models.ForeignKey(Template, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=TemplateState.choices(), default=TemplateState.DRAFT.value)
    document = models.TextField(help_text="Canonical JSON.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the document, hex.")
    envelope_digest = models.CharField(max_length=64, blank=True, help_text="Of its envelope; empty without one.")
    purpose = models.TextField(blank=True)
    platforms = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    edits = models.PositiveIntegerField(default=1, help_text="Counts edits; a stale edit is refused.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    editors = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        related_name="+",
        help_text="Everybody who wrote a part of it, those of the version that it was made from too.",
    )
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    proposed_at = models.DateTimeField(null=True, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    deprecated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    deprecated_at = models.DateTimeField(null=True, blank=True)
    deprecation_reason = models.TextField(blank=True)

    objects = TemplateVersionQuerySet.as_manager()

    class Meta:
        ordering = ["template_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["template", "number"], name="one_template_version_per_number"),
            models.UniqueConstraint(
                fields=["template"], condition=Q(state__in=OPEN_VERSION_STATES), name="one_open_version_per_template"
            ),
            models.UniqueConstraint(
                fields=["template"],
                condition=Q(state=TemplateState.APPROVED.value),
                name="one_approved_version_per_template",
            ),
            models.CheckConstraint(
                condition=~Q(state=TemplateState.DEPRECATED.value)
                | (Q(deprecated_at__isnull=False, deprecated_by__isnull=False) & ~Q(deprecation_reason="")),
                name="template_deprecation_names_person_and_reason",
            ),
        ]
        indexes = [models.Index(fields=["state", "template"], name="template_version_by_state")]

    def __str__(self) -> str:
        return f"{self.label} {self.template.name}"

    @property
    def label(self) -> str:
        """The name people say: ``TPL-0007 v3``."""
        return f"TPL-{self.template_id:04d} v{self.number}"

    @property
    def said(self) -> dict[str, Any]:
        """The document as plain data, for reading only."""
        found: dict[str, Any] = json.loads(self.document)
        return found


class TemplateReview(models.Model):
    """What somebody who wrote nothing of a version decided about it; it names the digest that they read."""

    version = models.ForeignKey(TemplateVersion, on_delete=models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    role = models.CharField(
        max_length=20,
        choices=[(role.value, role.label) for role in (Role.PEER, Role.CAB)],
        help_text="The group by whose right it was given.",
    )
    decision = models.CharField(max_length=10, choices=ReviewDecision.choices())
    digest = models.CharField(max_length=64)
    comment = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())
    voided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["version_id", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "reviewer"], condition=Q(voided_at=None), name="one_template_review_per_person"
            ),
            models.UniqueConstraint(
                fields=["version", "role"], condition=Q(voided_at=None), name="one_template_review_per_role"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.decision} of template version {self.version_id} by {self.reviewer_id}"


class PreApprovalRestoration(models.Model):
    """A change manager gave a template its pre-approval back after the changes named here had failed."""

    template = models.ForeignKey(Template, on_delete=models.PROTECT, related_name="restorations")
    change_ids = ArrayField(models.BigIntegerField(), help_text="The failed changes that were looked at.")
    restored_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    restored_at = models.DateTimeField(db_default=Now())
    reason = models.TextField()

    class Meta:
        ordering = ["template_id", "id"]
        constraints = [
            models.CheckConstraint(condition=~Q(reason="") & ~Q(change_ids=[]), name="restoration_says_why_and_what")
        ]

    def __str__(self) -> str:
        return f"restoration {self.pk} of template {self.template_id}"
