"""Do the quality scores tell music from what is not? Tables in Markdown and a picture, from one command.

pip install muspy && pip download --no-deps music21==10.5.1 -d wheels
pip download --no-deps --no-binary :all: miditok==3.1.0 -d wheels
python -m benchmarks.quality wheels/music21-10.5.1-py3-none-any.whl --miditok wheels/miditok-3.1.0.tar.gz \\
    -o quality_study [--quick] [--runs outputs]

Ten corruptions at six levels on held-out windows of eight corpora, each against the profile of its own other pieces;
invariances; MusPy's metrics and speed; the alert on falling quality; and, of the runs under `--runs`, whether quality
rises as the validation loss falls. About ten minutes on one core, three with `--quick`; `--only` names some parts.
Without `--miditok` there are seven corpora and no songs of several tracks to time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import fmean

from aurl.music.midi import read_midi
from aurl.music.notes import Notes
from aurl.quality.reference.sources import shipped
from aurl.quality.reference.windows import windows
from benchmarks.quality_study import alerts, corpora, curves, invariance, speed, tables, training
from benchmarks.quality_study.corruptions import LOUDNESS
from benchmarks.quality_study.scores import OVERALL, Study, auc
from benchmarks.quality_study.tables import markdown
from scripts.make_profiles import Split

WRONG = 0.1
"""The share of wrong notes that the alert is to hear."""
PIECES = "pieces of 64 bars, one track"
SIZES = (8, 16, 32)
"""Samples an evaluation."""


@dataclass(frozen=True)
class Plan:
    """What is measured, and how much of it."""

    wheel: Path
    cache: Path
    names: Sequence[str]
    bars: int
    quick: bool
    runs: Sequence[Path] = field(default_factory=tuple)
    miditok: Path | None = None

    @cached_property
    def studies(self) -> Sequence[Study]:
        """Every corpus' scores."""
        found = []
        for name in self.names:
            print(f"{name} ...", file=sys.stderr, flush=True)
            found.append(Study(name, self.load(name), bars=self.bars, most=30 if self.quick else 100))
        return found

    def load(self, name: str) -> Split:
        """A corpus, from the archive that holds it."""
        archive = self.miditok if name == "pop" and self.miditok else self.wheel
        return corpora.load(name, archive, self.cache)

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
        f"velocities, as most of the corpora have none:\n\n{_dynamics(plan)}\nWhat must never beat real music:\n\n"
        f"{tables.never_above(plan.studies)}"
    )


def _dynamics(plan: Plan) -> str:
    """The metric of velocities, on music that was given some."""
    swelling = corpora.with_dynamics(plan.load("chorales"))
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
    with tempfile.TemporaryDirectory() as folder:
        kinds = _files(plan, Path(folder))
        apart = speed.largest_difference(kinds[PIECES])
        notes = [round(fmean(len(read_midi(path)) for path in paths)) for paths in kinds.values()]
        spent = [speed.beside_muspy(shipped("mixed"), paths, plan.few) for paths in kinds.values()]
    rows = [[job, *[f"{one[job]:.2f}" for one in spent]] for job in speed.JOBS]
    for name, ours in (("the same ten", speed.SAME), ("aurl's ten with their scores", speed.OWN)):
        rows.append([f"MusPy's time over that of {name}", *[f"{one[speed.MUSPY] / one[ours]:.0f}" for one in spent]])
    head = [
        "CPU milliseconds",
        *[f"{kind} ({len(kinds[kind])}, {count} notes)" for kind, count in zip(kinds, notes, strict=True)],
    ]
    return (
        f"Medians; in brackets how many files, and their mean size:\n\n{markdown(head, rows)}\n"
        f"Largest difference between the two in MusPy's ten, on {PIECES}: {apart:.1e}.\n"
    )


def _files(plan: Plan, folder: Path) -> dict[str, list[Path]]:
    """By kind, MIDI files to time."""
    pieces = _pieces_of_64_bars(plan)
    kinds = {
        PIECES: speed.write_pieces(pieces, folder),
        "the same, a track for each voice": speed.write_voices(pieces, folder),
    }
    (folder / "chorales").mkdir()
    chorales = plan.load("chorales").held_out[: 2 if plan.quick else 5]
    kinds["whole chorales, a track for each voice"] = speed.write_voices(chorales, folder / "chorales")
    if plan.miditok:
        songs = list(corpora.songs(plan.miditok))[: 2 if plan.quick else 12]
        kinds["whole songs of 6 to 32 tracks"] = speed.write_bytes(songs, folder)
    return kinds


def alarms(plan: Plan) -> str:
    """The alert on falling quality."""
    rows = []
    streams = 20 if plan.quick else 200
    for found in plan.studies:
        real = found.values(OVERALL)
        poor = found.values(OVERALL, "untrained model", WRONG)
        false = [alerts.false_alarms(scores, streams, seed) for seed, scores in enumerate((real, poor), 1)]
        power = [
            f"{alerts.power(real, found.values(OVERALL, name, WRONG), streams, seed=3):.2f}"
            for name in ("each note off by one", "random pitch")
        ]
        rows.append([found.corpus, *[f"{share:.2%}" for share in false], *power])
    head = [
        "corpus",
        "false alarms, real music",
        "false alarms, a poor model",
        "off by one heard",
        "random pitch heard",
    ]
    return (
        f"Streams of {alerts.EVALUATIONS} evaluations of {alerts.SAMPLES} samples. False alarms: the share of "
        f"evaluations with an alert while nothing changes. Power: the share of streams with an alert once {WRONG:.0%} "
        f"of the notes are wrong, within {alerts.EVALUATIONS - alerts.TURN} evaluations.\n\n{markdown(head, rows)}\n"
        f"False alarms in long runs, {alerts.LONG} evaluations of real music's scores, all corpora together. A model "
        "that wobbles has a mean that wanders by itself, with a standard deviation of one or two standard errors of "
        f"{alerts.SAMPLES} samples, {alerts.STAYS:g} of it left from one evaluation to the next:\n\n{_long(plan)}"
    )


def _long(plan: Plan) -> str:
    """False alarms by the size of an evaluation, for models that stand still and that wobble."""
    rows = []
    for name, wobble in (("stands still", 0.0), ("wobbles by one error", 1.0), ("wobbles by two errors", 2.0)):
        shares = [
            fmean(
                alerts.false_alarms(
                    found.values(OVERALL), 2 if plan.quick else 20, 5, alerts.LONG, samples=samples, wobble=wobble
                )
                for found in plan.studies
            )
            for samples in SIZES
        ]
        rows.append([name, *[f"{share:.2%}" for share in shares]])
    return markdown(["a model that", *[f"{samples} samples" for samples in SIZES]], rows)


def learning(plan: Plan) -> str:
    """Quality and loss of real runs."""
    return training.table(plan.runs)


def _pieces_of_64_bars(plan: Plan) -> list[Notes]:
    split = plan.load("movements")
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
    parser.add_argument("--miditok", type=Path, help="miditok's source distribution, for the corpus `pop`")
    parser.add_argument("-o", "--output", type=Path, default=Path("quality_study"), help="folder; default: %(default)s")
    parser.add_argument("--corpora", nargs="+", choices=corpora.ALL, default=corpora.ALL, help="default: all eight")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="default: all parts")
    parser.add_argument("--bars", type=int, default=16, help="length of the windows; default: %(default)s")
    parser.add_argument("--runs", type=Path, nargs="+", default=[], help="folders of runs, for the part `training`")
    parser.add_argument("--quick", action="store_true", help="fewer windows and repetitions")
    arguments = parser.parse_args()
    output: Path = arguments.output
    cache = output / "cache"
    names = [name for name in arguments.corpora if name != "pop" or arguments.miditok]
    plan = Plan(arguments.wheel, cache, names, arguments.bars, arguments.quick, arguments.runs, arguments.miditok)
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
