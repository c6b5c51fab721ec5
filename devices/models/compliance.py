"""Compliance: the lines that a feature must have on a platform, and what was found on each device."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from devices.domain.compliance import ComplianceState
from devices.models.configs import ConfigSnapshot
from devices.models.inventory import Device


class ComplianceRule(models.Model):
    """The intended configuration of one feature on one platform."""

    platform = models.CharField(max_length=40)
    feature = models.CharField(max_length=80)
    description = models.TextField(blank=True)
    section = models.TextField(help_text="How the feature's top-level lines begin, one a line.")
    intended = models.TextField(blank=True, help_text="The lines as they must stand; empty: none may be there.")
    ordered = models.BooleanField(default=False, help_text="Whether the order of lines counts.")
    sites = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    roles = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    tags = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    enabled = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["platform", "feature", "id"]
        constraints = [models.UniqueConstraint(fields=["platform", "feature"], name="one_rule_per_feature")]

    def __str__(self) -> str:
        return f"{self.platform} {self.feature}"


class ComplianceResult(models.Model):
    """What one rule found on one device. Lines are masked."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="compliance")
    rule = models.ForeignKey(ComplianceRule, on_delete=models.CASCADE, related_name="results")
    rule_version = models.PositiveIntegerField()
    state = models.CharField(max_length=14, choices=[(item.value, item.label) for item in ComplianceState])
    code = models.CharField(max_length=40, blank=True)
    missing = models.TextField(blank=True)
    extra = models.TextField(blank=True)
    snapshot = models.ForeignKey(ConfigSnapshot, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    assessed_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["device", "rule"], name="one_result_per_device_and_rule")]
        indexes = [models.Index(fields=["rule", "state"], name="compliance_by_rule")]

    def __str__(self) -> str:
        return f"{self.device_id}: {self.rule_id} {self.state}"
