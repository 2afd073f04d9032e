"""Do the quality scores tell music from what is not? Tables in Markdown and a picture, from one command.

pip install muspy && pip download --no-deps music21==10.5.1 -d wheels
python -m benchmarks.quality wheels/music21-10.5.1-py3-none-any.whl -o quality_study [--quick] [--runs outputs]

Ten corruptions at six levels on held-out windows of six corpora, each against the profile of its own other pieces;
invariances; MusPy's metrics and speed; the alert on falling quality; and, of the runs under `--runs`, whether quality
rises as the validation loss falls. About six minutes on one core, two with `--quick`; `--only` names some parts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from aurl.music.notes import Notes
from aurl.quality.sources import shipped
from aurl.quality.windows import windows
from benchmarks.quality_study import alerts, corpora, curves, invariance, speed, tables, training
from benchmarks.quality_study.corruptions import LOUDNESS
from benchmarks.quality_study.scores import OVERALL, Study, auc
from benchmarks.quality_study.tables import markdown

WRONG = 0.1
"""The share of wrong notes that the alert is to hear."""


@dataclass(frozen=True)
class Plan:
    """What is measured, and how much of it."""

    wheel: Path
    cache: Path
    names: Sequence[str]
    bars: int
    quick: bool
    runs: Sequence[Path] = field(default_factory=tuple)

    @cached_property
    def studies(self) -> Sequence[Study]:
        """Every corpus' scores."""
        found = []
        for name in self.names:
            print(f"{name} ...", file=sys.stderr, flush=True)
            split = corpora.load(name, self.wheel, self.cache)
            found.append(Study(name, split, bars=self.bars, most=30 if self.quick else 100))
        return found

    @property
    def few(self) -> int:
        """How many windows and repetitions the smaller parts take."""
        return 3 if self.quick else 20


def discrimination(plan: Plan) -> str:
    """Real music against each corruption."""
    return (
        f"ROC-AUC of overall quality, single windows of {plan.bars} bars at level 1, held-out windows in brackets:\n\n"
        f"{tables.discrimination(plan.studies)}\nEach metric by itself, on what it is there to hear:\n\n"
        f"{tables.responsibilities(plan.studies)}\nThe same of `dynamic_range`, for which chorales were given swelling "
        f"velocities, as none of the corpora has any:\n\n{_dynamics(plan)}\nWhat must never beat real music:\n\n"
        f"{tables.never_above(plan.studies)}"
    )


def _dynamics(plan: Plan) -> str:
    """The metric of velocities, on music that was given some."""
    swelling = corpora.with_dynamics(corpora.load("chorales", plan.wheel, plan.cache))
    found = Study("chorales", swelling, bars=plan.bars, most=30 if plan.quick else 100)
    rows = [
        [name, f"{auc(found.values('dynamic_range'), found.values('dynamic_range', name)):.3f}"] for name in LOUDNESS
    ]
    return markdown(["corruption", "chorales"], rows)


def monotonicity(plan: Plan) -> str:
    """More spoilt is worse."""
    return f"Spearman's correlation of the level and the mean overall quality:\n\n{tables.monotonies(plan.studies)}"


def invariances(plan: Plan) -> str:
    """What must change nothing."""
    rows = []
    for found in plan.studies:
        some = found.windows[: plan.few]
        count, moved = invariance.transpositions(found.profile, some)
        again = invariance.repetitions(found.profile, some)
        written = invariance.midi_and_musicxml(found.profile, some)
        rows.append([found.corpus, f"{moved:g} ({count})", f"{again:g}", f"{written:g}"])
    head = ["largest difference of any score or measure", "transposed", "scored twice", "written as MIDI and read"]
    return markdown(head, rows)


def muspy(plan: Plan) -> str:
    """The published metrics, and the time beside MusPy's."""
    pieces = _pieces_of_64_bars(plan)
    spent, apart = speed.beside_muspy(shipped("mixed"), pieces, plan.few)
    rows = [[name, f"{milliseconds:.2f}"] for name, milliseconds in spent.items()]
    notes = sum(map(len, pieces)) // len(pieces)
    same = spent["MusPy: its ten metrics"] / spent["aurl: MusPy's ten metrics"]
    own = spent["MusPy: its ten metrics"] / spent["aurl: its ten metrics and their scores"]
    return (
        f"{len(pieces)} pieces of 64 bars and {notes} notes on average:\n\n"
        f"{markdown(['job', 'CPU milliseconds'], rows)}\n"
        f"Largest difference between the two in MusPy's ten: {apart:.1e}. MusPy's own ten take {same:.0f} times as "
        f"long as the same ten by aurl, and {own:.0f} times as long as aurl's ten with their scores.\n"
    )


def alarms(plan: Plan) -> str:
    """The alert on falling quality."""
    rows = []
    streams = 20 if plan.quick else 200
    for found in plan.studies:
        real = found.values(OVERALL)
        count, evaluations = alerts.false_alarms(real, streams, seed=1)
        half = found.values(OVERALL, "untrained model", 0.1)
        more, _ = alerts.false_alarms(half, streams, seed=2)
        power = [
            f"{alerts.power(real, found.values(OVERALL, name, WRONG), streams, seed=3):.2f}"
            for name in ("semitone slips", "random pitch")
        ]
        rows.append([found.corpus, *[f"{n / evaluations:.2%}" for n in (count, more)], *power])
    head = ["corpus", "false alarms, real music", "false alarms, a poor model", "slips heard", "random pitches heard"]
    text = (
        f"Streams of {alerts.EVALUATIONS} evaluations of {alerts.SAMPLES} samples. False alarms: the share of "
        f"evaluations with an alert while nothing changes. Power: the share of streams with an alert once {WRONG:.0%} "
        f"of the notes are wrong, within {alerts.EVALUATIONS - alerts.TURN} evaluations.\n\n"
    )
    return text + markdown(head, rows)


def learning(plan: Plan) -> str:
    """Quality and loss of real runs."""
    return training.table(plan.runs)


def _pieces_of_64_bars(plan: Plan) -> list[Notes]:
    split = corpora.load("movements", plan.wheel, plan.cache)
    dense = [piece for piece in windows(split.train, 64, most=1000) if 850 <= len(piece) <= 1150]
    return dense[: 2 if plan.quick else 5]


PARTS: Mapping[str, Callable[[Plan], str]] = {
    "discrimination": discrimination,
    "monotonicity": monotonicity,
    "invariance": invariances,
    "muspy": muspy,
    "alerts": alarms,
    "training": learning,
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, help="music21's wheel, as pip downloads it")
    parser.add_argument("-o", "--output", type=Path, default=Path("quality_study"), help="folder; default: %(default)s")
    parser.add_argument("--corpora", nargs="+", default=[*corpora.KNOWN, *corpora.CHECKED], help="default: all six")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="default: all parts")
    parser.add_argument("--bars", type=int, default=16, help="length of the windows; default: %(default)s")
    parser.add_argument("--runs", type=Path, nargs="+", default=[], help="folders of runs, for the part `training`")
    parser.add_argument("--quick", action="store_true", help="fewer windows and repetitions")
    arguments = parser.parse_args()
    output: Path = arguments.output
    cache = output / "cache"
    plan = Plan(arguments.wheel, cache, arguments.corpora, arguments.bars, arguments.quick, arguments.runs)
    cache.mkdir(parents=True, exist_ok=True)
    for name in arguments.only:
        if name == "training" and not arguments.runs:
            continue
        text = PARTS[name](plan)
        (output / f"{name}.md").write_text(text, "utf-8")
        print(f"\n## {name}\n\n{text}", flush=True)
        if name == "monotonicity":
            (output / "curves.svg").write_text(curves.draw(plan.studies, plan.bars), "utf-8")


if __name__ == "__main__":
    main()
