"""Something that fails again and again is told once, and its end once: when it has been well for a while."""

from __future__ import annotations

import time

CALM_SECONDS = 30.0


class Episode:
    """From the first failure to the end of a calm stretch.

    Args:
        calm: seconds without a failure after which it is over.

    Attributes:
        failures: how many there were in it; 0 while nothing is wrong.
    """

    def __init__(self, calm: float = CALM_SECONDS) -> None:
        self.failures = 0
        self._calm = calm
        self._last = 0.0

    def fails(self) -> bool:
        """It failed now; True where that begins the episode and is to be told."""
        self.failures += 1
        self._last = time.monotonic()
        return self.failures == 1

    def ends(self, *, now: bool = False) -> int:
        """It is well now; how many failures there were where the episode is over by that, otherwise 0.

        Args:
            now: end it without waiting for calm, because nothing can follow.
        """
        if not self.failures or (not now and time.monotonic() - self._last < self._calm):
            return 0
        failures, self.failures = self.failures, 0
        return failures
