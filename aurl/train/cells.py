"""What an evaluation costs a cell of the music: one voice for one sixteenth, as the literature on chorales counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from torch import Tensor

from aurl.data.batch import Batch
from aurl.train.engine import NATS


class Counted:
    """Batches on their way to an evaluation, their sequences and cells counted."""

    def __init__(self, batches: Iterable[Batch]) -> None:
        self._batches = batches
        self._sequences, self._cells = 0, 0.0

    def __iter__(self) -> Iterator[Batch]:
        for batch in self._batches:
            self._sequences += len(batch)
            self._cells += batch.cells
            yield batch

    def by_cell(self, means: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The means of `Engine.evaluate` with `nll_cell`, nats a cell, in the place of its nats a sequence."""
        rest = {name: value for name, value in means.items() if name != NATS}
        if NATS not in means or not self._cells:
            return rest
        return {**rest, "nll_cell": means[NATS] * self._sequences / self._cells}
