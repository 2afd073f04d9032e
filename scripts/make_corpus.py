"""Make aurl/music/chorales.npz, the corpus that ships with aurl, from the scores in music21's wheel.

    pip download --no-deps music21==10.5.1 -d wheels
    python scripts/make_corpus.py wheels/music21-10.5.1-py3-none-any.whl

Kept are scores of 4 or 5 parts in one metre, 4/4 or 3/4, of 8 bars or more, whose bars follow one another without gaps.
Settings of the same tune share a split. The result depends on nothing but the wheel.
"""

from __future__ import annotations

import argparse
import hashlib
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from aurl.music.corpus import CHORALES, SPLITS, digest
from aurl.music.notes import Notes
from aurl.music.pack import write_pack
from scripts.musicxml import Score, parse_musicxml, unpack_mxl
from scripts.tunes import Tune, families, tune

FOLDER = "music21/corpus/bach/"
TEMPO = 96.0
"""Quarter notes a minute where a score names no tempo: the value that the marked chorales mostly have."""
SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
SHORTEST = 8


def read_wheel(wheel: Path) -> Iterator[tuple[str, Score]]:
    """Name and score of every MusicXML file by Bach, sorted by name."""
    with zipfile.ZipFile(wheel) as archive:
        for inside in sorted(archive.namelist()):
            path = PurePosixPath(inside)
            if inside.startswith(FOLDER) and path.suffix in {".mxl", ".xml"}:
                data = archive.read(inside)
                yield path.stem, parse_musicxml(unpack_mxl(data) if path.suffix == ".mxl" else data)


def why_not(score: Score) -> str:
    """Why a score is left out; an empty string keeps it."""
    if not 4 <= len(score.parts) <= 5:
        return "not 4 or 5 parts"
    if score.metres not in {((4, 4),), ((3, 4),)}:
        return "not in one metre of 4/4 or 3/4"
    if not score.aligned:
        return "a bar that is too long or too short"
    if score.notes(tempo=TEMPO).bars < SHORTEST:
        return f"under {SHORTEST} bars"
    return ""


def signature(score: Score) -> Tune:
    """The tune, from the top part; in five parts the top one may be an obbligato above the tune, so both count."""
    return tune(score.notes(tempo=TEMPO, parts=[part]) for part in range(len(score.parts) - 3))


def choose_splits(names: list[str], tunes: list[Tune]) -> list[str]:
    """A split for each piece: whole families, in an order drawn by hash, each to the split furthest below its share."""
    chosen: dict[int, str] = {}
    sizes: Counter[str] = Counter()

    def drawn(family: list[int]) -> bytes:
        return hashlib.sha256(names[family[0]].encode()).digest()

    for family in sorted(families(tunes), key=drawn):
        split = max(SPLITS, key=lambda split: SHARES[split] * (len(chosen) + len(family)) - sizes[split])
        sizes[split] += len(family)
        chosen.update(dict.fromkeys(family, split))
    return [chosen[index] for index in range(len(names))]


def make_corpus(wheel: Path, target: Path) -> Counter[str]:
    """Write the corpus; how many scores were left out for which reason."""
    left_out: Counter[str] = Counter()
    kept: dict[bytes, tuple[Notes, Tune]] = {}
    for name, score in read_wheel(wheel):
        piece = score.notes(tempo=TEMPO, name=name)
        reason = why_not(score) or ("the same notes as another one" if digest(piece) in kept else "")
        if reason:
            left_out[reason] += 1
        else:
            kept[digest(piece)] = piece, signature(score)
    pieces = [piece for piece, _ in kept.values()]
    splits = choose_splits([piece.name for piece in pieces], [tune for _, tune in kept.values()])
    write_pack(target, pieces, split=splits)
    print(f"{target}: {len(pieces)} pieces, {sum(map(len, pieces))} notes, {target.stat().st_size} bytes")
    print(dict(Counter(splits)))
    return left_out


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, help="music21's wheel, as pip downloads it")
    parser.add_argument("-o", "--output", type=Path, default=CHORALES, help="default: %(default)s")
    arguments = parser.parse_args()
    for reason, count in make_corpus(arguments.wheel, arguments.output).most_common():
        print(f"left out: {count} {reason}")


if __name__ == "__main__":
    main()
