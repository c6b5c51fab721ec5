"""Change requests, their plans, the approvals that sign them, and the runs that execute them: one module per area.

States live in :mod:`changes.domain.states` and :mod:`changes.domain.run_states`; only the services move them.
"""

from changes.models.approval_policies import ApprovalPolicyQuerySet, ApprovalPolicyVersion
from changes.models.approval_watch import ApprovalWatch
from changes.models.approvals import Approval, Decision, VoidCause
from changes.models.calendar import (
    ConflictWaiver,
    MaintenanceWindow,
    MaintenanceWindowQuerySet,
    ScheduledStart,
    ScheduleProblem,
)
from changes.models.decision_steps import DecisionStepQuerySet, RunDecisionStep
from changes.models.delegations import Delegation, DelegationQuerySet
from changes.models.discussions import Thread, ThreadComment, ThreadQuerySet, ThreadState, ThreadWait
from changes.models.drift_reverts import DriftRevert
from changes.models.evidence import EvidencePack, EvidencePart
from changes.models.freezes import ChangeFreeze, ChangeFreezeQuerySet
from changes.models.gates import ExceptionState, GateException, GateExceptionQuerySet
from changes.models.hooks import HookCall, HookCallQuerySet, HookSetting, HookSettingQuerySet
from changes.models.kill_switch import KillSwitch, KillSwitchQuerySet
from changes.models.meetings import AgendaItem, Attendance, Meeting
from changes.models.notifications import (
    Notification,
    NotificationDelivery,
    NotificationPreference,
    NotificationProfile,
    NotificationQuerySet,
)
from changes.models.open_stages import OpenStage
from changes.models.plans import DevicePlan, PlanOpening, PlanRevision, ViewedMark
from changes.models.reports import Report
from changes.models.requests import ChangeQuerySet, ChangeRequest
from changes.models.reviews import Review, ReviewAction, ReviewActionQuerySet, ReviewQuerySet
from changes.models.risk import RiskAnswer, RiskAssessment, RiskOverride
from changes.models.rollbacks import RecomputedBackout, RollbackOrder
from changes.models.runs import (
    BUSY_DEVICE_RUN_STATES,
    ENDED_DEVICE_RUN_STATES,
    HELD_DEVICE_RUN_STATES,
    DeviceRun,
    DeviceRunQuerySet,
    Run,
    RunStep,
    StepOutcome,
    Watched,
    Wave,
)
from changes.models.templates import (
    PreApprovalRestoration,
    Template,
    TemplateReview,
    TemplateVersion,
    TemplateVersionQuerySet,
)
from changes.models.wave_checks import HealthVerdict, WaveCheck, WaveCheckQuerySet
from devices.models.claims import Claimable

__all__ = [
    "BUSY_DEVICE_RUN_STATES",
    "ENDED_DEVICE_RUN_STATES",
    "HELD_DEVICE_RUN_STATES",
    "AgendaItem",
    "Approval",
    "ApprovalPolicyQuerySet",
    "ApprovalPolicyVersion",
    "ApprovalWatch",
    "Attendance",
    "ChangeFreeze",
    "ChangeFreezeQuerySet",
    "ChangeQuerySet",
    "ChangeRequest",
    "Claimable",
    "ConflictWaiver",
    "Decision",
    "DecisionStepQuerySet",
    "Delegation",
    "DelegationQuerySet",
    "DevicePlan",
    "DeviceRun",
    "DeviceRunQuerySet",
    "DriftRevert",
    "EvidencePack",
    "EvidencePart",
    "ExceptionState",
    "GateException",
    "GateExceptionQuerySet",
    "HealthVerdict",
    "HookCall",
    "HookCallQuerySet",
    "HookSetting",
    "HookSettingQuerySet",
    "KillSwitch",
    "KillSwitchQuerySet",
    "MaintenanceWindow",
    "MaintenanceWindowQuerySet",
    "Meeting",
    "Notification",
    "NotificationDelivery",
    "NotificationPreference",
    "NotificationProfile",
    "NotificationQuerySet",
    "OpenStage",
    "PlanOpening",
    "PlanRevision",
    "PreApprovalRestoration",
    "RecomputedBackout",
    "Report",
    "Review",
    "ReviewAction",
    "ReviewActionQuerySet",
    "ReviewQuerySet",
    "RiskAnswer",
    "RiskAssessment",
    "RiskOverride",
    "RollbackOrder",
    "Run",
    "RunDecisionStep",
    "RunStep",
    "ScheduleProblem",
    "ScheduledStart",
    "StepOutcome",
    "Template",
    "TemplateReview",
    "TemplateVersion",
    "TemplateVersionQuerySet",
    "Thread",
    "ThreadComment",
    "ThreadQuerySet",
    "ThreadState",
    "ThreadWait",
    "ViewedMark",
    "VoidCause",
    "Watched",
    "Wave",
    "WaveCheck",
    "WaveCheckQuerySet",
]
