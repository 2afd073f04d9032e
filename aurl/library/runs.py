"""The runs under a folder, to be asked from Python: `aurl.Runs("outputs").where("model=vae and lr<0.01")`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from aurl.errors import RunError, did_you_mean
from aurl.library.differing import differing, short_names, telling
from aurl.library.filters import look_up, parse_filter
from aurl.library.logged import LoggedRun
from aurl.record import Json
from aurl.runs.listing import STALE_SECONDS, find_runs
from aurl.runs.table import FIXED
from aurl.show.markup import escaped, table
from aurl.show.naming import show_value
from aurl.show.wording import duration, number

if TYPE_CHECKING:
    import polars as pl

_SHOWN, _COLUMNS, _MOST_SETTINGS = 50, 6, 50


class Runs(Sequence[LoggedRun]):
    """Runs, latest started first; iterable, and a table where a notebook shows it.

    Args:
        root: the folder that holds them, or the one run that it is.
        archived: take in those that a person has archived.
        stale_after: seconds without a sign of life after which a run on another host counts as crashed.

    Raises:
        RunError: there is no such folder.
    """

    def __init__(
        self, root: str | Path = "outputs", *, archived: bool = False, stale_after: float = STALE_SECONDS
    ) -> None:
        self.root = Path(root).expanduser()
        found = find_runs(self.root, stale_after=stale_after)
        self._runs = [LoggedRun(run) for run in found if archived or not run.own.archived]

    def where(self, filter: str) -> Runs:
        """Those that a filter lets through, in the dashboard's language: `model=vae and lr<0.01`, `tag=paper`,
        `val/loss/total.best<2 or status in (failed, crashed)`.

        Raises:
            FilterError: it cannot be read; the message says what was expected.
        """
        test = parse_filter(filter)
        return self._of(run for run in self._runs if test(row_of(run)))

    def sort(self, key: str, *, descending: bool = False) -> Runs:
        """By a fact, a setting or a scalar, as filters name them; those without a value come last."""
        values = {id(run): next(iter(look_up(row_of(run), key)), None) for run in self._runs}
        known = [run for run in self._runs if values[id(run)] is not None]
        known.sort(key=lambda run: _order(values[id(run)]), reverse=descending)
        return self._of([*known, *(run for run in self._runs if values[id(run)] is None)])

    def scalars(self, *names: str, kind: str | None = None) -> pl.DataFrame:
        """The scalars of all these runs as one long table: run, kind, step, time, epoch, metric, value.

        `run` is the id, or the path under the root where ids are not unique. A run that has none of these scalars, or
        no event log, has no row.

        Args:
            names: only these; all by default.
            kind: only records of this kind.
        """
        import polars as pl

        labelled = zip(self._runs, self._labels(), strict=True)
        frames = [frame for run, label in labelled for frame in _long(run, label, names, kind)]
        empty = {"run": pl.String, "kind": pl.String, "step": pl.Int64, "time": pl.Float64, "epoch": pl.Int64}
        none = pl.LazyFrame(schema=empty | {"metric": pl.String, "value": pl.Float64})
        return pl.concat([none, *frames]).collect()

    def table(self, *columns: str) -> pl.DataFrame:
        """A row for each run: id, name, status, tags, seed, step, started, duration, and what was asked for.

        Args:
            columns: settings or scalars as filters name them: `optim.lr`, `val/loss/total.best`; by default the
                settings that differ, the 50 most telling, and the main loss, last and best.
        """
        import polars as pl

        wanted = columns or (*self.differences[:_MOST_SETTINGS], "loss", "loss.best")
        fixed = ("id", "name", "status", "tags", "seed", "step", "started", "duration")
        rows = [
            {name: _cell(run.facts[name]) for name in fixed}
            | {name: _cell(next(iter(look_up(row_of(run), name)), None)) for name in wanted}
            for run in self._runs
        ]
        return pl.DataFrame(
            {name: pl.Series(name, [row[name] for row in rows], strict=False) for name in (*fixed, *wanted)}
        )

    @property
    def differences(self) -> list[str]:
        """The settings in which these runs differ, the most telling first."""
        return differing([run.settings for run in self._runs])

    def _of(self, runs: Iterable[LoggedRun]) -> Runs:
        made = Runs.__new__(Runs)
        made.root, made._runs = self.root, list(runs)
        return made

    def _labels(self) -> list[str]:
        ids = [run.id for run in self._runs]
        return [
            id_ if ids.count(id_) == 1 else _relative(run.path, self.root)
            for id_, run in zip(ids, self._runs, strict=True)
        ]

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[LoggedRun]:
        return iter(self._runs)

    @overload
    def __getitem__(self, which: int | str) -> LoggedRun: ...
    @overload
    def __getitem__(self, which: slice) -> Runs: ...
    def __getitem__(self, which: int | str | slice) -> LoggedRun | Runs:
        """By place, by slice, or by id, name or path.

        Raises:
            IndexError: no such place.
            RunError: no such run, or several.
        """
        if isinstance(which, slice):
            return self._of(self._runs[which])
        if not isinstance(which, str):
            return self._runs[which]
        ways: list[Callable[[LoggedRun], str]] = [
            lambda run: run.id,
            lambda run: str(run.path),
            lambda run: _relative(run.path, self.root),
            lambda run: run.name,
        ]
        for way in ways:
            found = [run for run in self._runs if way(run) == which]
            if len(found) == 1:
                return found[0]
            if found:
                paths = ", ".join(str(run.path) for run in found[:5])
                raise RunError(f"{which}: {len(found)} runs are called so, give the path: {paths}")
        raise RunError(f"{which}: no such run here.{did_you_mean(which, [run.id for run in self._runs])}")

    def __repr__(self) -> str:
        return f"<{len(self)} runs of {self.root}>"

    def _repr_html_(self) -> str:
        shown = self._runs[:_SHOWN]
        keys = telling([run.settings for run in self._runs], _COLUMNS)
        rows = [_cells(run, keys) for run in shown]
        more = f"<p>and {len(self) - len(shown)} more</p>" if len(self) > len(shown) else ""
        head = ["run", "name", "status", "step", "loss", "best", *short_names(keys), "tags", "took"]
        return f"<b>{len(self)} runs of {escaped(self.root)}</b>{table(head, rows) if rows else ''}{more}"


def row_of(run: LoggedRun) -> dict[str, Any]:
    """What filters look at: the run's facts, its settings, its summary."""
    return run.facts | {"config": run.settings, "summary": run.summary}


def _cell(value: Any) -> Any:
    """A value that every kind of table file can hold: tags as words, other lists and mappings as they are typed."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return show_value(value) if isinstance(value, (list, dict)) else value


def _order(value: Any) -> tuple[int, float, str]:
    if isinstance(value, (int, float)):
        return 0, float(value), ""
    return 1, 0.0, str(value)


def _long(run: LoggedRun, label: str, names: Sequence[str], kind: str | None) -> list[pl.LazyFrame]:
    import polars as pl

    try:
        wide = run.scalars(*names, kind=kind, missing_ok=True)
    except RunError:  # no event log
        return []
    # A frame for each scalar, without its gaps: half the time of an unpivot that is thinned out afterwards.
    return [
        wide.lazy()
        .filter(pl.col(name).is_not_null())
        .select(pl.lit(label).alias("run"), *FIXED, pl.lit(name).alias("metric"), pl.col(name).alias("value"))
        for name in wide.columns
        if name not in FIXED
    ]


def _cells(run: LoggedRun, keys: Sequence[str]) -> list[str]:
    facts = run.facts
    loss = facts["loss"]
    settings: list[Json] = [run.settings.get(key) for key in keys]
    took = facts["duration"]
    return [
        run.id, run.name, run.status, f"{run.step:,}",
        *("" if loss[which] is None else number(loss[which]) for which in ("last", "best")),
        *("" if value is None else show_value(value) for value in settings),
        ", ".join(run.tags), "" if took is None else duration(took),
    ]  # fmt: skip


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
