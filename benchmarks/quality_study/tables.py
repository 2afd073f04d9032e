"""What the scores of the corpora say, as tables in Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean

import numpy as np

from benchmarks.quality_study.corruptions import FURTHER, LEVELS, RESPONSIBLE, TEN
from benchmarks.quality_study.scores import OVERALL, Study, auc, means_of, monotony

_SLIPS, _OFF = "semitone slips", "each note off by one"
_INSTEAD = [_OFF if name == _SLIPS else name for name in TEN]


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first column is text, the others numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def discrimination(studies: Sequence[Study]) -> str:
    """AUC of overall quality for single windows, by corruption at level 1; and of means of 16 for the ten pooled."""
    head = ["real against", *[f"{study.corpus} ({len(study.windows)})" for study in studies]]
    rows = [[name, *[_rounded(_single(study, name)) for study in studies]] for name in TEN]
    rows.append(["**the ten pooled**", *[f"**{_pooled(study, TEN):.4f}**" for study in studies]])
    rows.append([f"the same with {_OFF} for {_SLIPS}", *[f"{_pooled(study, _INSTEAD):.4f}" for study in studies]])
    rows.append(["means of 16, lowest of the ten", *[_rounded(_lowest_of_means(study)) for study in studies]])
    rows += [[name, *[_rounded(_single(study, name)) for study in studies]] for name in FURTHER]
    rows.append(["real music scores", *[_spread(study) for study in studies]])
    return markdown(head, rows)


def responsibilities(studies: Sequence[Study]) -> str:
    """AUC of each metric by itself on what it is there to hear; those left out that apply to no corpus."""
    rows = []
    for metric, names in RESPONSIBLE.items():
        for name in names:
            found = [_metric(study, metric, name) for study in studies]
            if not all(map(math.isnan, found)):
                rows.append([f"`{metric}`: {name}", *map(_rounded, found)])
    return markdown(["metric and corruption", *[study.corpus for study in studies]], rows)


def monotonies(studies: Sequence[Study]) -> str:
    """Spearman's correlation of level and mean overall quality, of the ten and of the one that cannot be monotone."""
    rows = [[name, *[f"{monotony(study, name)[0]:.2f}" for study in studies]] for name in (*TEN, _OFF)]
    return markdown([f"levels 0, {', '.join(map(str, LEVELS))}", *[study.corpus for study in studies]], rows)


def never_above(studies: Sequence[Study]) -> str:
    """The highest score of what must never beat real music, beside the real mean and the lowest real window."""
    names = ("one note", "noise", "untrained model")
    rows = [
        [study.corpus, *[f"{np.nanmax(study.values(OVERALL, name)):.2f}" for name in names], *_lowest(study)]
        for study in studies
    ]
    return markdown(["corpus", *[f"highest of {name}" for name in names], "lowest real", "mean of real"], rows)


def _pooled(study: Study, names: Iterable[str]) -> float:
    return fmean(_single(study, name) for name in names)


def _single(study: Study, name: str) -> float:
    return auc(study.values(OVERALL), study.values(OVERALL, name))


def _metric(study: Study, metric: str, name: str) -> float:
    real = study.values(metric)
    return math.nan if np.isnan(real).all() else auc(real, study.values(metric, name))


def _lowest_of_means(study: Study) -> float:
    real = means_of(study.values(OVERALL), 16, seed=1)
    return min(auc(real, means_of(study.values(OVERALL, name), 16, seed=2)) for name in TEN)


def _spread(study: Study) -> str:
    low, high = np.percentile(study.values(OVERALL), (5, 95))
    return f"{study.values(OVERALL).mean():.2f} ({low:.2f} to {high:.2f})"


def _lowest(study: Study) -> tuple[str, str]:
    values = study.values(OVERALL)
    return f"{values.min():.2f}", f"{values.mean():.2f}"


def _rounded(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
