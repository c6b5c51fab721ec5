"""Refusals of the portal itself; each carries a stable ``code``, and ``str()`` is a sentence for people."""


class PortalError(Exception):
    """Base of what the portal refuses on purpose."""

    code = "portal_error"


class TokenNotFoundError(PortalError):
    """The person has no token with this id."""

    code = "not_found"


class TokenLimitError(PortalError):
    """The person has as many tokens as one may have."""

    code = "token_limit"


class TokenMintedByTokenError(PortalError):
    """A token was used to make another one, which would outlive the first."""

    code = "token_needs_password"
