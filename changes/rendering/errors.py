from changes.domain.errors import ChangeError
from changes.domain.input import did_you_mean, one_of, shown
from changes.domain.labels import Labelled


class ProblemKind(Labelled):
    """What is wrong with a template, or with its rendering for one device."""

    SYNTAX = "syntax"
    UNDEFINED = "undefined"
    FORBIDDEN = "forbidden"
    RUNTIME = "runtime"
    CHARACTER = "character"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    CRASHED = "crashed"


class TemplateError(ChangeError):
    """A template that cannot be rendered; ``str()`` is the sentence for its author.

    ``line`` counts the template's lines from 1 (for ``character``: the rendered ones) and is None where it is
    not known. ``name`` is the unknown variable or field, ``owner`` the kind of what was asked for the field,
    ``known`` what there is.
    """

    code = "TEMPLATE_ERROR"

    def __init__(
        self,
        kind: ProblemKind,
        *,
        line: int | None = None,
        detail: str = "",
        name: str = "",
        owner: str = "",
        known: tuple[str, ...] = (),
    ) -> None:
        self.kind = kind
        self.line = line
        self.detail = detail
        self.name = name
        self.owner = owner
        self.known = known
        super().__init__(kind, line, detail, name)

    def __str__(self) -> str:
        of_what = "Rendered line" if self.kind is ProblemKind.CHARACTER else "Line"
        sentence = self._undefined() if self.kind is ProblemKind.UNDEFINED else self._sentence()
        return f"{of_what} {self.line}: {sentence}" if self.line else sentence[0].upper() + sentence[1:]

    def _sentence(self) -> str:
        detail = shown(self.detail, 300).rstrip(".")
        return {
            ProblemKind.SYNTAX: f"the template cannot be read: {detail}.",
            ProblemKind.FORBIDDEN: f"a template may not do this: {detail}.",
            ProblemKind.RUNTIME: f"the template failed: {detail}.",
            ProblemKind.CHARACTER: f"{detail}.",
            ProblemKind.TIMEOUT: f"it took more than {detail} and was stopped. Is a loop too large?",
            ProblemKind.MEMORY: f"it needs more than {detail}. Is a text or a list too large?",
            ProblemKind.OUTPUT: f"it gives more than {detail}. Does a loop go on too long?",
            ProblemKind.CRASHED: f"rendering ended early ({detail}). Simplify the template.",
        }[self.kind]

    def _undefined(self) -> str:
        name = shown(self.name)
        if self.owner == "dict":
            return f'there is no field "{name}" in this object.{self._instead(name)}'
        if self.owner:
            return f'a {self.owner} has no "{name}".'
        return f'there is no variable "{name}".{self._instead(name)}'

    def _instead(self, name: str) -> str:
        return f"{did_you_mean(name, self.known)} Known here: {one_of(self.known)}." if self.known else ""


def shown_bytes(count: int) -> str:
    """An amount of memory or text for a sentence: "256 MiB"."""
    whole, rest = divmod(count, 1024 * 1024)
    return f"{count:,} bytes" if rest else f"{whole} MiB"


class RendererUnavailableError(ChangeError):
    """The rendering process cannot be started on this machine; nothing is wrong with the template."""

    code = "renderer_unavailable"

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(detail)

    def __str__(self) -> str:
        return f"Templates cannot be rendered at the moment ({self.detail}). Tell an administrator."
