"""When a transient error before any write is tried again, and after how long."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often it is tried in all. The pause after the n-th attempt is base times factor to the power of n - 1.

    By chance it is longer or shorter by up to ``jitter``, a share from 0 to 1: with 0.2, a pause of 10 s lasts from 8
    to 12 s.
    """

    attempts: int
    base_s: float
    factor: float = 2.0
    jitter: float = 0.2

    def pause_s(self, attempt: int, spread: float) -> float:
        """Seconds to wait after the attempt with this number, from 1; ``spread`` is a random number from -1 to 1."""
        return self.base_s * self.factor ** (attempt - 1) * (1 + self.jitter * spread)

    def goes_on(self, attempt: int, *, permanent: bool) -> bool:
        """Whether another attempt follows the one with this number, from 1; never after a permanent error."""
        return not permanent and attempt < self.attempts
