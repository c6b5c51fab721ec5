from django.urls import path

from changes.api import (
    actions,
    calendar,
    evidence,
    exceptions,
    freezes,
    maintenance_windows,
    meetings,
    orders,
    threads,
    waves,
)
from changes.api.changes import (
    ApprovalListView,
    ChangeDetailView,
    ChangeListView,
    DeviceChangeListView,
    TimelineView,
)
from changes.api.check_library import CheckLibraryView
from changes.api.drift import DriftRevertView
from changes.api.inbox import InboxKindView, InboxView
from changes.api.plan_bytes import PlanPayloadView, SignedDeviceListView
from changes.api.plans import PlanView
from changes.api.risk import RiskAnswerView, RiskOverrideView, RiskView
from changes.api.rollback import RollbackView
from changes.api.run_watching import RunDevicesView, RunProgressView
from changes.api.runs import RunDetailView, RunListView
from changes.api.template_urls import urlpatterns as template_urls
from changes.api.trail import AuditTrailView
from devices.api import converters  # noqa: F401 - makes <id:…> known

_CHANGE = "changes/<id:change_id>/"
_MEETING = "meetings/<id:meeting_id>/"
_PACK = "evidence-packs/<id:pack_id>/"

urlpatterns = [
    *template_urls,
    path("changes/", ChangeListView.as_view(), name="api-change-list"),
    path(_CHANGE, ChangeDetailView.as_view(), name="api-change-detail"),
    path(f"{_CHANGE}plan/", PlanView.as_view(), name="api-change-plan"),
    path(f"{_CHANGE}plans/<id:number>/payloads/", SignedDeviceListView.as_view(), name="api-plan-payloads"),
    path(f"{_CHANGE}plans/<id:number>/payloads/<int:position>/", PlanPayloadView.as_view(), name="api-plan-payload"),
    path(f"{_CHANGE}submit/", actions.SubmitView.as_view(), name="api-change-submit"),
    path(f"{_CHANGE}withdraw/", actions.WithdrawView.as_view(), name="api-change-withdraw"),
    path(f"{_CHANGE}request-changes/", actions.RequestChangesView.as_view(), name="api-change-request-changes"),
    path(f"{_CHANGE}assess/", actions.AssessView.as_view(), name="api-change-assess"),
    path(f"{_CHANGE}approve/", actions.ApproveView.as_view(), name="api-change-approve"),
    path(f"{_CHANGE}reject/", actions.RejectView.as_view(), name="api-change-reject"),
    path(f"{_CHANGE}schedule/", waves.ScheduleView.as_view(), name="api-change-schedule"),
    path(f"{_CHANGE}conflicts/", calendar.ConflictsView.as_view(), name="api-change-conflicts"),
    path(f"{_CHANGE}waive/", calendar.WaiveView.as_view(), name="api-change-waive"),
    path(f"{_CHANGE}next-slot/", calendar.SlotView.as_view(), name="api-change-next-slot"),
    path(f"{_CHANGE}start-by-itself/", calendar.StartByItselfView.as_view(), name="api-change-start-ask"),
    path(f"{_CHANGE}start-by-itself/call-off/", calendar.StartCallOffView.as_view(), name="api-change-start-call-off"),
    path(f"{_CHANGE}start/", actions.StartView.as_view(), name="api-change-start"),
    path(f"{_CHANGE}pause/", orders.PauseView.as_view(), name="api-change-pause"),
    path(f"{_CHANGE}resume/", orders.ResumeView.as_view(), name="api-change-resume"),
    path(f"{_CHANGE}stop-after-wave/", orders.StopAfterWaveView.as_view(), name="api-change-stop-after-wave"),
    path(f"{_CHANGE}abort/", orders.AbortView.as_view(), name="api-change-abort"),
    path(f"{_CHANGE}skip/", orders.SkipView.as_view(), name="api-change-skip"),
    path(f"{_CHANGE}retry/", orders.RetryView.as_view(), name="api-change-retry"),
    path(f"{_CHANGE}release-wave/", waves.ReleaseWaveView.as_view(), name="api-change-release-wave"),
    path(f"{_CHANGE}refuse-wave/", waves.RefuseWaveView.as_view(), name="api-change-refuse-wave"),
    path(f"{_CHANGE}rollback/", RollbackView.as_view(), name="api-change-rollback"),
    path(f"{_CHANGE}close/", actions.CloseView.as_view(), name="api-change-close"),
    path(f"{_CHANGE}cancel/", actions.CancelView.as_view(), name="api-change-cancel"),
    path(f"{_CHANGE}risk/", RiskView.as_view(), name="api-change-risk"),
    path(f"{_CHANGE}risk/answer/", RiskAnswerView.as_view(), name="api-change-risk-answer"),
    path(f"{_CHANGE}risk/override/", RiskOverrideView.as_view(), name="api-change-risk-override"),
    path(f"{_CHANGE}approvals/", ApprovalListView.as_view(), name="api-change-approvals"),
    path(f"{_CHANGE}timeline/", TimelineView.as_view(), name="api-change-timeline"),
    path(f"{_CHANGE}audit-trail/", AuditTrailView.as_view(), name="api-change-audit-trail"),
    path(f"{_CHANGE}runs/", RunListView.as_view(), name="api-change-runs"),
    path(f"{_CHANGE}threads/", threads.ThreadListView.as_view(), name="api-change-threads"),
    path("threads/<id:thread_id>/", threads.ThreadDetailView.as_view(), name="api-thread-detail"),
    path("threads/<id:thread_id>/reply/", threads.ThreadReplyView.as_view(), name="api-thread-reply"),
    path("threads/<id:thread_id>/resolve/", threads.ThreadResolveView.as_view(), name="api-thread-resolve"),
    path("threads/<id:thread_id>/reopen/", threads.ThreadReopenView.as_view(), name="api-thread-reopen"),
    path("inbox/", InboxView.as_view(), name="api-inbox"),
    path("inbox/<str:kind>/", InboxKindView.as_view(), name="api-inbox-kind"),
    path("meetings/", meetings.MeetingListView.as_view(), name="api-meeting-list"),
    path(_MEETING, meetings.MeetingDetailView.as_view(), name="api-meeting-detail"),
    path(f"{_MEETING}refresh/", meetings.MeetingRefreshView.as_view(), name="api-meeting-refresh"),
    path(f"{_MEETING}open/", meetings.MeetingOpenView.as_view(), name="api-meeting-open"),
    path(f"{_MEETING}close/", meetings.MeetingCloseView.as_view(), name="api-meeting-close"),
    path(f"{_MEETING}cancel/", meetings.MeetingCancelView.as_view(), name="api-meeting-cancel"),
    path(f"{_MEETING}attendance/", meetings.MeetingAttendanceView.as_view(), name="api-meeting-attendance"),
    path(f"{_MEETING}items/", meetings.MeetingItemsView.as_view(), name="api-meeting-items"),
    path(f"{_MEETING}items/<id:item_id>/", meetings.MeetingItemView.as_view(), name="api-meeting-item"),
    path(f"{_MEETING}items/<id:item_id>/minutes/", meetings.MeetingMinutesView.as_view(), name="api-meeting-minutes"),
    path("checks/library/", CheckLibraryView.as_view(), name="api-check-library"),
    path("evidence-packs/", evidence.EvidenceListView.as_view(), name="api-evidence-list"),
    path(_PACK, evidence.EvidenceDetailView.as_view(), name="api-evidence-detail"),
    path(
        "evidence-packs/<id:pack_id>/download/", evidence.EvidenceDownloadView.as_view(), name="api-evidence-download"
    ),
    path("exceptions/", exceptions.ExceptionListView.as_view(), name="api-exception-list"),
    path("exceptions/<id:exception_id>/", exceptions.ExceptionDetailView.as_view(), name="api-exception-detail"),
    path(
        "exceptions/<id:exception_id>/approve/",
        exceptions.ExceptionApproveView.as_view(),
        name="api-exception-approve",
    ),
    path("exceptions/<id:exception_id>/reject/", exceptions.ExceptionRejectView.as_view(), name="api-exception-reject"),
    path("exceptions/<id:exception_id>/revoke/", exceptions.ExceptionRevokeView.as_view(), name="api-exception-revoke"),
    path("drift/<id:drift_id>/revert/", DriftRevertView.as_view(), name="api-drift-revert"),
    path("calendar/", calendar.CalendarView.as_view(), name="api-calendar"),
    path("windows/", maintenance_windows.WindowListView.as_view(), name="api-window-list"),
    path("windows/<id:window_id>/", maintenance_windows.WindowDetailView.as_view(), name="api-window-detail"),
    path("windows/<id:window_id>/lift/", maintenance_windows.WindowLiftView.as_view(), name="api-window-lift"),
    path("freezes/", freezes.FreezeListView.as_view(), name="api-freeze-list"),
    path("freezes/<id:freeze_id>/", freezes.FreezeDetailView.as_view(), name="api-freeze-detail"),
    path("freezes/<id:freeze_id>/lift/", freezes.FreezeLiftView.as_view(), name="api-freeze-lift"),
    path("kill-switch/", orders.KillSwitchView.as_view(), name="api-kill-switch"),
    path("kill-switch/engage/", orders.KillSwitchEngageView.as_view(), name="api-kill-switch-engage"),
    path("kill-switch/release/", orders.KillSwitchReleaseView.as_view(), name="api-kill-switch-release"),
    path("runs/<id:run_id>/", RunDetailView.as_view(), name="api-run-detail"),
    path("runs/<id:run_id>/progress/", RunProgressView.as_view(), name="api-run-progress"),
    path("runs/<id:run_id>/devices/", RunDevicesView.as_view(), name="api-run-devices"),
    path("devices/<id:device_id>/changes/", DeviceChangeListView.as_view(), name="api-device-changes"),
]
