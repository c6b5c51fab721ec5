from rest_framework.request import Request

from audit.actor import Actor, Origin


def request_actor(request: Request) -> Actor:
    """The signed-in person behind an API request.

    The address is that of the connection; what a proxy's header claims is not believed here.
    """
    return Actor(
        user_id=request.user.pk,
        username=request.user.get_username(),
        origin=Origin.API,
        request_id=str(getattr(request, "request_id", "")),
        ip=str(request.META.get("REMOTE_ADDR") or ""),
    )
