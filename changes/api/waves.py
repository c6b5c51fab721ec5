"""The gate after a wave, and the maintenance window: one POST each; the answer is the change as it is afterwards."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_view

from audit.actor import Actor
from changes.api.actions import Body, ChangeAction
from changes.api.bodies import text_in
from changes.api.requests import WaveRefusalBody, WaveReleaseBody, WindowBody
from changes.api.serializers import ChangeDetailSerializer
from changes.domain.errors import InvalidInputError
from changes.services.scheduling import NAMES, change_schedule
from changes.services.wave_gate import wave_refuse, wave_release
from devices.api.openapi import refusals

_SHOWN = {200: ChangeDetailSerializer, **refusals(400, 403, 404, 409)}


def _wave(body: Body) -> int:
    wave = body.get("wave")
    if not isinstance(wave, int) or isinstance(wave, bool):
        raise InvalidInputError({"wave": ["Give the number of the wave that waits, a whole number."]})
    return wave


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_release_wave",
        summary="Let the run go on after a wave",
        description="For the role that the signed strategy names. Without an answer in time the run is aborted.",
        request=WaveReleaseBody,
        responses=_SHOWN,
    )
)
class ReleaseWaveView(ChangeAction):
    """Release a wave."""

    names = frozenset({"comment", "wave"})

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Let the run go on."""
        wave_release(change_id=change_id, wave=_wave(body), actor=actor, comment=text_in(body, "comment"))


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_refuse_wave",
        summary="Let the run go no further after a wave",
        description="The run is aborted: devices that are being worked on are finished, all others are skipped.",
        request=WaveRefusalBody,
        responses=_SHOWN,
    )
)
class RefuseWaveView(ChangeAction):
    """Refuse the next wave."""

    names = frozenset({"comment", "wave"})

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """End the run."""
        wave_refuse(change_id=change_id, wave=_wave(body), actor=actor, comment=text_in(body, "comment"))


@extend_schema_view(
    post=extend_schema(
        operation_id="changes_schedule",
        summary="Schedule",
        description="Give an approved change its maintenance window, or move that of a scheduled one. Nothing is"
        " started outside it. It has to be legal for every device, and free of conflicts that nobody waived.",
        request=WindowBody,
        responses=_SHOWN,
    )
)
class ScheduleView(ChangeAction):
    """Schedule."""

    names = NAMES

    def act(self, change_id: int, body: Body, actor: Actor) -> None:
        """Set the window."""
        change_schedule(change_id=change_id, actor=actor, data=body)
