"""Templates become configuration lines here, in a process of their own that can do nothing else."""

from changes.rendering.batch import RenderResult, check_syntax, render_batch, render_one
from changes.rendering.errors import ProblemKind, RendererUnavailableError, TemplateError
from changes.rendering.process import DEFAULT_LIMITS, RenderLimits

__all__ = [
    "DEFAULT_LIMITS",
    "ProblemKind",
    "RenderLimits",
    "RenderResult",
    "RendererUnavailableError",
    "TemplateError",
    "check_syntax",
    "render_batch",
    "render_one",
]
