"""Where the states of the things that events are about stand in the database: one list for all apps."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Stateful:
    """An object type, its table, and the expression over a row that gives its state; ``None``: it has no states."""

    object_type: str
    table: str
    state_sql: str | None = "state"


STATEFUL: Final = (
    Stateful("change", "changes_changerequest"),
    Stateful("approval", "changes_approval", "CASE void_cause WHEN 'withdrawn' THEN 'withdrawn' ELSE decision END"),
    Stateful("plan_demand", "changes_planrevision", "demand_digest"),
    Stateful("run", "changes_run"),
    Stateful("device_run", "changes_devicerun"),
    Stateful("decision_step", "changes_rundecisionstep"),
    Stateful("approval_policy", "changes_approvalpolicyversion"),
    Stateful("template", "changes_template", None),
    Stateful("template_version", "changes_templateversion"),
    Stateful("template_review", "changes_templatereview", "decision"),
    Stateful("template_restoration", "changes_preapprovalrestoration", None),
    Stateful("maintenance_window", "changes_maintenancewindow", None),
    Stateful("change_freeze", "changes_changefreeze", None),
    Stateful("conflict_waiver", "changes_conflictwaiver", None),
    Stateful("scheduled_start", "changes_scheduledstart"),
    Stateful("gate_exception", "changes_gateexception"),
    Stateful("kill_switch", "changes_killswitch", None),
    Stateful("delegation", "changes_delegation", None),
    Stateful("risk_answer", "changes_riskanswer", None),
    Stateful("risk_assessment", "changes_riskassessment", None),
    Stateful("risk_override", "changes_riskoverride", None),
    Stateful("review", "changes_review"),
    Stateful("review_action", "changes_reviewaction"),
    Stateful("meeting", "changes_meeting"),
    Stateful("thread", "changes_thread"),
    Stateful("evidence_pack", "changes_evidencepack"),
    Stateful("drift", "devices_driftrecord"),
    Stateful("redaction", "audit_redaction"),
    Stateful("legal_hold", "audit_legal_hold"),
    Stateful("audit_archive", "audit_archive"),
)
"""What the migrations have entered into ``audit_stateful``; a test compares them."""
