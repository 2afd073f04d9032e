"""A generated sample as TensorBoard shows it: piano roll, sound, and its notes as text."""

from __future__ import annotations

import struct
import wave
from collections.abc import Iterator
from io import BytesIO

from aurl.record import Record
from aurl.runs.rundir import RunDirectory
from aurl.scalars import describe
from aurl.sinks.tensorboard import events as tfevents

_IHDR = struct.Struct(">8x4x4sII")


def sample(record: Record, run: RunDirectory, *, images: bool, audio: bool) -> Iterator[bytes]:
    """The events of a SAMPLE record; files that it does not name, or that are gone, are left out.

    Raises:
        OSError: a file cannot be read.
        ValueError: a picture is no PNG file.
        wave.Error: the sound is no WAV file.
    """
    about = record.time, record.step
    tag = f"samples/{record.fields.get('slot', 0)}"
    if images and (png := content(run, record.fields.get("image"))) is not None:
        yield tfevents.image(*about, f"{tag}/piano_roll", png, png_size(png))
    if audio and (wav := content(run, record.fields.get("audio"))) is not None:
        with wave.open(BytesIO(wav)) as sound:
            shape = {"rate": sound.getframerate(), "channels": sound.getnchannels(), "frames": sound.getnframes()}
        yield tfevents.audio(*about, f"{tag}/audio", wav, **shape)
    if (midi := content(run, record.fields.get("path"))) is not None:
        yield tfevents.text(*about, f"{tag}/notes", _markdown(record, midi))


def content(run: RunDirectory, name: object) -> bytes | None:
    """The bytes of a file of the run by its relative path; None where there is none."""
    path = run.path / str(name)
    return path.read_bytes() if name and path.is_file() else None


def png_size(png: bytes) -> tuple[int, int]:
    """Width and height.

    Raises:
        ValueError: the bytes are not a PNG.
    """
    if len(png) < _IHDR.size or not png.startswith(b"\x89PNG"):
        raise ValueError("a picture that is no PNG file")
    _, width, height = _IHDR.unpack_from(png)
    return width, height


def _markdown(record: Record, midi: bytes) -> str:
    from aurl.music.midi import MidiError, parse_midi
    from aurl.music.spelling import spell

    told = [f"{record.fields.get('mode', 'sample')}, seed {record.fields.get('seed')}"]
    told += [f"{describe(name).label.lower()} {describe(name).show(value)}" for name, value in record.scalars.items()]
    try:
        notes = spell(parse_midi(midi, name=str(record.fields.get("path"))))
    except MidiError as error:  # a sample of no notes is one, too
        notes = str(error)
    lines = "\n".join(f"    {line}" for line in notes.splitlines())
    return f"{'; '.join(told)}\n\n`{record.fields.get('path')}`\n\n{lines}"
