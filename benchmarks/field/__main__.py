"""Public training logs that nobody here made: how well `aurl lint` reads and judges them.

    python -m benchmarks.field collect --logs DIR [--mirror DIR]      # get the logs, some 90 MB
    python -m benchmarks.field score --logs DIR [--part tune|kept]    # the figures, and every miss by name
    python -m benchmarks.field sheets --logs DIR -o DIR               # pictures of the curves, to label by

`index.csv` says where each log comes from, `labels.csv` what was seen in its curves before a detector was run on it,
`relabelled.csv` what was changed afterwards. A third of the logs, by repository, is `kept`: no rule was made on it.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from benchmarks.field.collect import collect
from benchmarks.field.corpus import read_index, read_labels
from benchmarks.field.score import misses, outside, run, table


def main() -> None:
    arguments = _arguments()
    entries = read_index()
    if arguments.only:
        entries = [entry for entry in entries if entry.id in arguments.only.split(",")]
    if arguments.task == "collect":
        for trouble in collect(entries, arguments.logs, arguments.mirror):
            print(trouble)
        there = sum((arguments.logs / entry.file).exists() for entry in entries)
        print(f"{there} of {len(entries)} logs of {len({entry.repo for entry in entries})} repositories")
        return
    entries = [entry for entry in entries if arguments.part in ("all", entry.part)]
    if arguments.task == "sheets":
        from benchmarks.field.sheets import draw_sheets

        for path in draw_sheets(entries, arguments.logs, arguments.output):
            print(path)
        return
    labels = read_labels()
    unclear = sum(any(row["types"] == "unclear" for row in labels.get(entry.id, [])) for entry in entries)
    kinds = Counter(entry.kind.split()[-1] for entry in entries)
    repositories = len({entry.repo for entry in entries})
    print(f"{len(entries)} logs of {repositories} repositories, {unclear} of them unclear and left out:")
    print("  " + ", ".join(f"{count} {name}" for name, count in kinds.most_common()))
    result = run(arguments.logs, entries, _settings(arguments.set))
    print("\n".join(table(result)))
    print("missed:")
    print("\n".join(f"  {line}" for line in misses(result)))
    if arguments.outside:
        print("told outside the labels of logs that are not healthy:")
        print("\n".join(f"  {line}" for line in outside(result)))


def _settings(pairs: list[str]) -> dict[str, float] | str:
    if len(pairs) == 1 and "=" not in pairs[0]:
        return pairs[0]
    return {key: float(value) if "." in value else int(value) for key, value in (pair.split("=", 1) for pair in pairs)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.field", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", choices=("collect", "score", "sheets"))
    parser.add_argument("--logs", type=Path, required=True, help="folder of the logs; keep it out of git")
    parser.add_argument("--mirror", type=Path, help="folder of git directories OWNER+NAME/repo that are at hand")
    parser.add_argument("--part", choices=("tune", "kept", "all"), default="tune")
    parser.add_argument("--only", default="", help="ids, separated by commas")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="KEY=VALUE", help="changes to the default preset, or a preset"
    )
    parser.add_argument("--outside", action="store_true", help="also alarms outside the labels of anomalous logs")
    parser.add_argument("-o", "--output", type=Path, default=Path("sheets"), help="folder of the sheets")
    return parser.parse_args()


if __name__ == "__main__":
    main()
