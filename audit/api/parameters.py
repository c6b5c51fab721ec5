"""The query parameters, as the OpenAPI document describes them."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from audit.actor import Origin
from audit.export import ExportFormat
from audit.filters import IDS_LIMIT, EventFilter
from audit.recorder import ObjectType
from audit.selectors import PAGE_LIMIT

_TIME = "ISO 8601; UTC where no zone is named."

_ABOUT: dict[str, tuple[type | OpenApiTypes, str]] = {
    "actor": (str, "User name of who acted."),
    "origin": (str, "Where the action came from."),
    "action": (str, "For example `change.approved`."),
    "object_type": (str, "What the event is about."),
    "object_id": (str, "The id of what the event is about."),
    "change_id": (int, "Events of one change request."),
    "device_id": (int, "Events of one device."),
    "code": (str, "A reason code, for example `PLAN_STALE`."),
    "request_id": (str, "Everything that one request did."),
    "text": (
        str,
        "Looked for anywhere in label, object id, person, action, code and reason; case is ignored.",
    ),
    "since": (str, f"From then on. {_TIME}"),
    "until": (str, f"Up to, but not including, then; a bare day is included whole. {_TIME}"),
    "ids": (str, f"Up to {IDS_LIMIT} ids with commas between them."),
}

_CHOICES: dict[str, list[str]] = {"origin": [*Origin], "object_type": [*ObjectType]}

FILTERS = [
    OpenApiParameter(name, kind, description=text, enum=_CHOICES.get(name))
    for name, (kind, text) in _ABOUT.items()
    if name in EventFilter.names()
]

PAGING = [
    OpenApiParameter("before_id", int, description="Only events older than the one with this id."),
    OpenApiParameter("limit", int, description=f"Events per page, 1 to {PAGE_LIMIT}.", default=50),
]

FORMAT = OpenApiParameter("format", str, required=True, enum=list(ExportFormat), description="The form.")
