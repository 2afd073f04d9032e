"""Generated pieces for Weights & Biases: one table and one artifact for each round of samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory

if TYPE_CHECKING:
    from pathlib import Path

    import wandb

_QUALITY = "quality/"
_ROUNDS_HELD = 4  # quality of a round comes after its samples; what comes later than this is left out
_FIXED = ("step", "slot", "mode", "seed", "piano roll", "sound", "midi")


class Piece(NamedTuple):
    """One generated piece: the fields of its SAMPLE record, its scalars, and its quality."""

    fields: Mapping[str, Any]
    scalars: dict[str, float]


class Round(NamedTuple):
    """The pieces of one step, by slot."""

    step: int
    pieces: dict[Any, Piece]


class SampleRounds:
    """Puts the SAMPLE and QUALITY records of one step together."""

    def __init__(self) -> None:
        self._open: dict[int, Round] = {}

    def take(self, record: Record) -> list[Round]:
        """Look at one record; the rounds that are complete now."""
        if record.kind is Kind.SAMPLE and record.fields.get("path"):
            here = self._open.setdefault(record.step, Round(record.step, {}))
            here.pieces[record.fields.get("slot")] = Piece(record.fields, dict(record.scalars))
            return self._closed(lambda step: len(self._open) > _ROUNDS_HELD)
        if record.kind is not Kind.QUALITY:
            return []
        if record.fields.get("scope") == "sample":
            self._score(record)
            return []
        return self._closed(lambda step: step <= record.step)

    def rest(self) -> list[Round]:
        """What is left at the end: rounds without quality, or cut short."""
        return self._closed(lambda step: True)

    def _score(self, record: Record) -> None:
        here = self._open.get(record.step)
        piece = here.pieces.get(record.fields.get("slot")) if here else None
        if piece is not None:
            piece.scalars.update(record.scalars)

    def _closed(self, is_done: Any) -> list[Round]:
        return [self._open.pop(step) for step in sorted(self._open) if is_done(step)]


def write_round(run: wandb.Run, directory: RunDirectory, done: Round, audio: bool) -> dict[str, Any]:
    """The history row of a round, `{"samples": table}`; its MIDI files become an artifact.

    The package puts pictures and sound of a table into an artifact of its own, `run-<id>-samples`.

    Args:
        audio: whether the table gets the sound, which the package copies.
    """
    import wandb

    pieces = [done.pieces[slot] for slot in sorted(done.pieces, key=str)]
    names = sorted({name for piece in pieces for name in piece.scalars})
    table = wandb.Table(columns=[*_FIXED, *names])
    artifact = wandb.Artifact(f"{run.id}-midi", "samples", metadata={"step": done.step})
    for piece in pieces:
        midi = directory.path / str(piece.fields["path"])
        if midi.is_file():
            artifact.add_file(str(midi), name=midi.name, policy="immutable", skip_cache=True)
        values = [_float(piece.scalars.get(name)) for name in names]
        table.add_data(*_media(directory, done.step, piece, audio), *values)
    run.log_artifact(artifact, aliases=["latest", f"step-{done.step}"])
    return {"samples": table}


def _media(directory: RunDirectory, step: int, piece: Piece, with_audio: bool) -> list[Any]:
    import wandb

    fields = piece.fields
    image, audio = (_file(directory, fields.get(key)) for key in ("image", "audio"))
    caption = f"step {step}, {fields.get('mode', '')}"
    return [
        step,
        fields.get("slot"),
        fields.get("mode"),
        fields.get("seed"),
        wandb.Image(str(image), caption=caption) if image else None,
        wandb.Audio(str(audio), caption=caption) if audio and with_audio else None,
        fields["path"],
    ]


def _file(directory: RunDirectory, relative: object) -> Path | None:
    if not isinstance(relative, str):
        return None
    path = directory.path / relative
    return path if path.is_file() and path.stat().st_size else None


def _float(value: float | None) -> float | None:
    """A column has one type: whole numbers among floats would be refused."""
    return None if value is None else float(value)
