"""What a reader has to know about the runs before trusting a comparison of them, in sentences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from aurl.compare.model import Claim, Comparison, FailureTest, Group
from aurl.compare.reading import UNFINISHED
from aurl.compare.run_data import RunData
from aurl.compare.statistics.claims import MOST_GROUPS
from aurl.record import Json
from aurl.runs.listing import RunSummary
from aurl.show.wording import shortened

_NAMED = 5
_FEW_SEEDS_TOLD = 3
_UNEVEN = 2.0
_SHORT = 0.5  # of what most runs had: a common step before it has to be explained


def about_reading(comparison: Comparison) -> list[str]:
    """Where the runs are read, as far as a reader could take it for something else, and which runs decided it."""
    reading, groups = comparison.reading, comparison.groups
    counted = [run for run in comparison.runs if run.fate == "counted"]
    if not counted:
        return []
    found = []
    if all(run.status in UNFINISHED for run in counted):
        found.append("No run has finished: everything below is provisional.")
    ends = {run.id: int(run.curves[comparison.metric].steps[-1]) for run in counted}
    first, last = min(ends.values()), max(ends.values())
    early = [run for run in counted if run.id in reading.early]
    if early:
        stops = [run.read_step for run in early]
        found.append(
            f"{_count(len(early), 'run', 'runs')} of {_named(_groups_with(early, groups))} came to rest and stopped "
            f"{_span(min(stops), max(stops))}, before step {reading.step}: they are read at their own end, which "
            "stands for what they would have had later."
        )
    if reading.kind == "end" and first < last:
        found.append(
            f"Runs end {_span(first, last)}: each is read at its own end. --at budget reads all of them at step "
            f"{first}."
        )
    if reading.kind == "best":
        found.append(
            "The value of a run is its best one: it is too good by chance, the more so the more often a run was "
            "evaluated. --at end reads what the runs ended with."
        )
    if reading.kind == "budget":
        found += _limits(comparison, {run_id: end for run_id, end in ends.items() if run_id not in reading.early})
    return found


def _limits(comparison: Comparison, ends: Mapping[str, int]) -> Iterator[str]:
    """Which runs set a common step that is short for the others."""
    step, most = comparison.reading.step, comparison.reading.of
    if not ends or step >= max(ends.values()):
        return
    limiting = [run_id for run_id, end in ends.items() if end < _SHORT * most]
    told = (
        f"Runs end {_span(min(ends.values()), max(ends.values()))}: all are compared at step {step}, which each has "
        "reached; --at end reads each at its own end, --at step=N leaves shorter ones out."
    )
    if not limiting or step >= _SHORT * most:
        yield told
        return
    runs = [comparison.run(run_id) for run_id in limiting]
    others = [end for run_id, end in ends.items() if run_id not in limiting]
    if len(limiting) == 1 and others and min(others) > step:
        who = f"{limiting[0]} alone sets this step"
    else:
        who = f"{len(limiting)} runs of {_named(_groups_with(runs, comparison.groups))} set this step"
    yield (
        f"All runs are compared at step {step} of the {most} that most of them had: {who}. --at step={most} leaves "
        "shorter runs out, --at end reads each at its own end."
    )


def _groups_with(runs: Sequence[RunData], groups: Sequence[Group]) -> list[str]:
    wanted = {run.id for run in runs}
    return [group.id for group in groups if wanted & {run.id for run in group.runs}]


def _span(first: int, last: int) -> str:
    return f"at step {first}" if first == last else f"between step {first} and step {last}"


def about_runs(runs: Sequence[RunData], metric: str, budget: int) -> list[str]:
    """Runs that are left out, failed, resumed, of several experiments, or logged at different intervals."""
    return [
        *_by_reason(runs, "left out", "left out"),
        *_by_reason(runs, "failed", "counted as failed"),
        *_resumed(runs),
        *_several_experiments(runs),
        *_intervals(runs, metric, budget),
        *_without_seed(runs),
        *_without_settings(runs),
    ]


def about_metric(found: Sequence[RunSummary], metric: str) -> list[str]:
    """Whether a total is the sum of the same terms in all runs."""
    group, _, last = metric.rpartition("/")
    if last != "total":
        return []
    having = [run for run in found if metric in run.summary]
    if not having:
        return []
    terms = [{name for name in run.summary if name.startswith(f"{group}/") and name != metric} for run in having]
    everywhere = set(terms[0]).intersection(*terms[1:])
    some = sorted({name for own in terms for name in own} - everywhere)
    return [
        f"{metric} is not the same sum in all runs: {name} is part of it in {sum(name in own for own in terms)} of "
        f"{len(having)}. A difference may be one of definition; a term that all runs have is compared with --metric."
        for name in some[:1]
    ]


def about_settings(columns: Mapping[str, Sequence[Json]], together: Sequence[Sequence[str]], runs: int) -> list[str]:
    """Settings that cannot be told apart, and too many of them."""
    found = [
        f"{_named(keys)} always change together: what one of them does cannot be told from what the others do."
        for keys in together
    ]
    if len(found) > _NAMED:
        found = [*found[:_NAMED], f"{len(found) - _NAMED} further sets of settings always change together."]
    if len(columns) > max(10, runs):
        found.append(f"{len(columns)} settings vary over {runs} runs: no difference can be put down to one of them.")
    return found


def about_claims(claims: Sequence[Claim], failures: Sequence[FailureTest], groups: Sequence[Group]) -> list[str]:
    """How many runs are missing for a claim, and what stands in the way of one."""
    found = []
    valued = sum(group.n > 0 for group in groups)
    if not valued:
        found.append("No run counts, so there is nothing to rank; what failed, and why, is above.")
    if valued > MOST_GROUPS:
        found.append(f"There are {valued} groups: only the pairs with the best of them are listed.")
    few = [claim for claim in claims if claim.verdict == "too few runs"]
    if few:
        found.append(f"Nothing is claimed about {len(few)} of {len(claims)} pairs, for want of 3 counted runs a side.")
    found += [
        f"{claim.a} against {claim.b}: {claim.seeds_needed} runs on each side would show a difference of this size "
        "with power 0.8."
        for claim in few
        if claim.seeds_needed is not None
    ][:_FEW_SEEDS_TOLD]
    stopped = [claim for claim in claims if "survivors" in claim.reason][:_NAMED]
    found += [f"{claim.a} against {claim.b}: {claim.reason}." for claim in stopped]
    found += [
        f"{test.a} fails more often than {test.b}: {test.failed_a} of {test.tried_a} runs against {test.failed_b} of "
        f"{test.tried_b} (Fisher's exact test, p {test.p:.2g}, {test.p_adjusted:.2g} adjusted)."
        for test in failures
        if test.p_adjusted < 0.05
    ][:_NAMED]
    return found + _identical(groups)


def _by_reason(runs: Sequence[RunData], fate: str, words: str) -> Iterator[str]:
    reasons: dict[str, list[RunData]] = defaultdict(list)
    for run in runs:
        if run.fate == fate:
            reasons[_kind(run.why)].append(run)
    for same in reasons.values():
        if len(same) == 1:
            yield f"{same[0].id} is {words}: it {same[0].why}."
        else:
            yield f"{len(same)} runs are {words}: {_named([run.id for run in same])}. The first {same[0].why}."


def _kind(why: str) -> str:
    """The reason without its numbers, under which like runs are told of together."""
    return " ".join(word for word in why.split(" (", maxsplit=1)[0].split() if not any(sign.isdigit() for sign in word))


def _resumed(runs: Sequence[RunData]) -> Iterator[str]:
    again = [run for run in runs if run.resumes]
    if again:
        yield (
            f"{_count(len(again), 'run was', 'runs were')} resumed ({_named([run.id for run in again])}): what a "
            "resume trained again counts once, and pauses are no working time."
        )


def _several_experiments(runs: Sequence[RunData]) -> Iterator[str]:
    by_name: dict[str, list[RunData]] = defaultdict(list)
    for run in runs:
        by_name[run.name].append(run)
    keys = [set(members[0].config) for members in by_name.values() if members[0].config]
    shared = len(set.intersection(*keys)) if keys else 0
    if len(keys) > 1 and shared < 0.5 * max(map(len, keys)):
        yield (
            f"Runs of different projects are mixed ({_named(sorted(by_name))}): their settings have little in common. "
            "`name=NAME` keeps those of one."
        )


def _intervals(runs: Sequence[RunData], metric: str, budget: int) -> Iterator[str]:
    spacing = [_spacing(run, metric, budget) for run in runs if run.fate == "counted"]
    known = [steps for steps in spacing if steps > 0]
    if known and max(known) > _UNEVEN * min(known):
        yield (
            f"Runs log {metric} every {min(known):.0f} to {max(known):.0f} steps: finals are averages over the same "
            "last steps of each, but the best of many values is no match for the best of few."
        )


def _spacing(run: RunData, metric: str, budget: int) -> float:
    steps = run.curves[metric].steps
    steps = steps[steps <= budget]
    return float(np.median(np.diff(steps))) if len(steps) > 1 else 0.0


def _without_seed(runs: Sequence[RunData]) -> Iterator[str]:
    unknown = [run for run in runs if run.fate == "counted" and run.seed is None]
    if unknown:
        yield f"{_count(len(unknown), 'run has', 'runs have')} no known seed: runs are not matched by their seeds."


def _without_settings(runs: Sequence[RunData]) -> Iterator[str]:
    if len(runs) > 1 and not any(run.config for run in runs):
        yield "Nothing is known of the runs' settings: those of one name are taken for runs of one configuration."


def _identical(groups: Sequence[Group]) -> list[str]:
    same = [group.id for group in groups if group.n > 1 and len(set(group.values.values())) == 1]
    if not same:
        return []
    return [f"The runs of {_named(same)} are identical to the last digit: does the seed reach the training?"]


def _count(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _named(names: Sequence[str]) -> str:
    return shortened(names, _NAMED)
