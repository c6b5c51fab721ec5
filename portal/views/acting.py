from django.http import HttpRequest

from audit.actor import Actor, Origin


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in person behind a page request.

    The address is that of the connection; what a proxy's header claims is not believed here.
    """
    return Actor(
        user_id=request.user.pk,
        username=request.user.get_username(),
        origin=Origin.WEB,
        request_id=str(getattr(request, "request_id", "")),
        ip=str(request.META.get("REMOTE_ADDR") or ""),
    )
