"""Content per platform as one Jinja2 text, so that each device gets that of its platform and no other."""

from __future__ import annotations

from collections.abc import Mapping


def composed(content: Mapping[str, str]) -> str:
    """The content of a change made from a template.

    That of a single platform stands as it is; else each stands in a branch for ``device.platform``. Devices of other
    platforms get nothing from it; planning leaves them out before.
    """
    if len(content) == 1:
        return next(iter(content.values()))
    branches = [
        f'{{% {"if" if at == 0 else "elif"} device.platform == "{platform}" %}}\n{content[platform].rstrip()}\n'
        for at, platform in enumerate(sorted(content))
    ]
    return f"{''.join(branches)}{{% endif %}}\n" if branches else ""
