"""Enrolling host keys: read, compare, confirm; revoke; import; and the alerts about keys that nobody pinned."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from changes.domain.policy import Role
from devices.domain.certificates import CERTIFICATE_TYPE, CertificateWords, certificate_words
from devices.domain.drivers import proof_demanded
from devices.domain.ssh_keys import MAX_KNOWN_HOSTS
from devices.models import AlertState, Device, HostKey, HostKeyAlert, HostKeyState, OfferedKey, OfferState
from devices.services import host_key_alerts, host_key_offers, host_keys
from portal.forms.host_keys import KnownHostsForm
from portal.views.access import signed_in, viewer
from portal.views.acting import actor_of
from portal.views.refusals import Refusal, attempt

ALERTS_SHOWN = 100


def _is_administrator(request: HttpRequest) -> bool:
    return Role.ADMINISTRATOR in viewer(request).roles


def _words(key: HostKey | OfferedKey) -> CertificateWords | None:
    """What a certificate says of itself; None for a key."""
    return certificate_words(key.public_key) if key.key_type == CERTIFICATE_TYPE else None


def _page(request: HttpRequest, device: Device, refusal: Refusal | None = None) -> HttpResponse:
    pinned = {key.key_type: key for key in device.host_keys.filter(state=HostKeyState.PINNED)}
    offers = [
        {
            "offer": offer,
            "same": offer.key_type in pinned and pinned[offer.key_type].public_key == offer.public_key,
            "replaces": pinned.get(offer.key_type),
            "words": _words(offer),
        }
        for offer in device.offered_keys.filter(state=OfferState.OFFERED)
    ]
    return render(
        request,
        "devices/host_keys.html",
        {
            "device": device,
            "keys": [
                {"key": key, "words": _words(key)} for key in device.host_keys.order_by("state", "key_type", "-pk")
            ],
            "proof": proof_demanded(device.platform, device.driver).value,
            "offers": offers,
            "alerts": device.host_key_alerts.order_by("-state", "-pk")[:ALERTS_SHOWN],
            "refusal": refusal,
            "may_enrol": _is_administrator(request),
            "crumbs": [
                {"label": "Devices", "url": reverse("device-list")},
                {"label": device.name, "url": reverse("device-detail", args=[device.pk])},
                {"label": "Host keys", "url": ""},
            ],
        },
        status=refusal.status if refusal else 200,
    )


@require_http_methods(["GET", "HEAD"])
@signed_in
def device_keys(request: HttpRequest, device_id: int) -> HttpResponse:
    """A device's keys: pinned, offered and revoked, and its alerts."""
    return _page(request, get_object_or_404(Device, pk=device_id))


@require_POST
@signed_in
def key_read(request: HttpRequest, device_id: int) -> HttpResponse:
    """Ask the device for its keys; nothing signs in."""
    device = get_object_or_404(Device, pk=device_id)
    refusal = attempt(lambda: host_key_offers.host_keys_read(device_id=device_id, actor=actor_of(request)))
    return _page(request, device, refusal) if refusal else redirect("device-host-keys", device_id)


@require_POST
@signed_in
def key_confirm(request: HttpRequest, device_id: int, offer_id: int) -> HttpResponse:
    """Pin the key whose fingerprint the page showed."""
    device = get_object_or_404(Device, pk=device_id)
    refusal = attempt(
        lambda: host_key_offers.host_key_confirm(
            device_id=device_id,
            offer_id=offer_id,
            fingerprint=request.POST.get("fingerprint", ""),
            actor=actor_of(request),
        )
    )
    if refusal:
        return _page(request, device, refusal)
    messages.success(request, "The key is pinned. Sessions with this device accept it from now on.")
    return redirect("device-host-keys", device_id)


@require_POST
@signed_in
def key_revoke(request: HttpRequest, device_id: int, host_key_id: int) -> HttpResponse:
    """Trust a pinned key no longer."""
    device = get_object_or_404(Device, pk=device_id)
    get_object_or_404(device.host_keys, pk=host_key_id)
    reason = request.POST.get("comment", "")
    refusal = attempt(
        lambda: host_keys.host_key_revoke(host_key_id=host_key_id, reason=reason, actor=actor_of(request))
    )
    if refusal:
        return _page(request, device, refusal)
    messages.success(request, "The key is revoked. Nothing is sent to the device until another one is pinned.")
    return redirect("device-host-keys", device_id)


@require_POST
@signed_in
def alert_acknowledge(request: HttpRequest, alert_id: int) -> HttpResponse:
    """Note what was found out about an alert."""
    alert = get_object_or_404(HostKeyAlert.objects.select_related("device"), pk=alert_id)
    reason = request.POST.get("comment", "")
    refusal = attempt(
        lambda: host_key_alerts.alert_acknowledge(alert_id=alert_id, reason=reason, actor=actor_of(request))
    )
    if refusal:
        return _page(request, alert.device, refusal)
    messages.success(request, "The alert is acknowledged. The key stays unpinned.")
    return redirect("device-host-keys", alert.device_id)


@require_http_methods(["GET", "HEAD"])
@signed_in
def alert_list(request: HttpRequest) -> HttpResponse:
    """Every open alert about a host key, newest first."""
    alerts = HostKeyAlert.objects.filter(state=AlertState.OPEN).select_related("device").order_by("-pk")
    return render(
        request,
        "devices/host_key_alerts.html",
        {
            "alerts": alerts[:ALERTS_SHOWN],
            "shown": ALERTS_SHOWN,
            "may_enrol": _is_administrator(request),
            "crumbs": [{"label": "Devices", "url": reverse("device-list")}, {"label": "Host key alerts", "url": ""}],
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def key_import(request: HttpRequest) -> HttpResponse:
    """Pin the keys of a known_hosts text: first look at what would happen, then do it."""
    form = KnownHostsForm(request.POST or None)
    lines: list[host_key_offers.ImportLine] = []
    refusal = None
    done = False
    if request.method == "POST":
        text = _text(request)
        form = KnownHostsForm({"known_hosts": text})
        act = host_key_offers.host_keys_import if "confirm" in request.POST else host_key_offers.host_keys_preview
        refusal = attempt(lambda: lines.extend(act(text=text, actor=actor_of(request))))
        done = "confirm" in request.POST and refusal is None
    return render(
        request,
        "devices/host_key_import.html",
        {
            "form": form,
            "lines": lines,
            "to_pin": sum(line.effect == "pin" for line in lines),
            "done": done,
            "refusal": refusal,
            "may_enrol": _is_administrator(request),
            "crumbs": [{"label": "Devices", "url": reverse("device-list")}, {"label": "Import host keys", "url": ""}],
        },
        status=refusal.status if refusal else 200,
    )


def _text(request: HttpRequest) -> str:
    """What was pasted, or else the uploaded file."""
    pasted = request.POST.get("known_hosts", "").strip()
    uploaded = request.FILES.get("file")
    if pasted or uploaded is None:
        return pasted
    content: bytes = uploaded.read(MAX_KNOWN_HOSTS + 1)
    return content.decode(errors="replace")
