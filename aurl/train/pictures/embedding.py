"""Where a VAE puts pieces in its latent space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath

import numpy as np
import torch

from aurl.data.batch import collate
from aurl.data.module import MusicData
from aurl.data.windows import Windows
from aurl.errors import AurlError, at_least
from aurl.models.vae import VAE
from aurl.music.key import estimate_key
from aurl.music.notes import Notes
from aurl.train.engine import Engine
from aurl.train.pictures.base import Picture, PictureFiles, npz

COLUMNS = ("piece", "bar", "composer", "key", "mode", "notes", "mean pitch")
BATCH = 32
_COMPOSERS = {"chorales": "J. S. Bach"}


class Embedding(Picture):
    """The posterior means of validation windows, with labels to colour them by.

    Labels are the piece, the window's first bar, the composer (of the shipped corpus; of a folder of MIDI files the
    name of the piece's own folder), the key of the whole piece as `estimate_key` finds it and its mode, how many notes
    the window has and their mean pitch.

    Args:
        every: evaluations between two; null for one at the end.
        limit: windows at most, spread over the validation set.

    Raises:
        ConfigError: a value below 1.
    """

    name = "embedding"

    def __init__(self, every: int | None = None, *, limit: int = 512) -> None:
        super().__init__(every)
        at_least(f"pictures.{self.name}", 1, limit=limit)
        self.limit = limit

    @torch.no_grad()
    def draw(self, engine: Engine, data: MusicData) -> PictureFiles:
        """See `Picture.draw`.

        Raises:
            AurlError: the model has no latent space.
        """
        model = engine.model
        if not isinstance(model, VAE):
            raise AurlError(f"{type(model).__name__} has no latent space; leave embedding out of pictures=[...]")
        windows = Windows(
            [piece for piece in data.corpus.validation if len(piece)],
            data.tokenizer,
            bars=data.bars,
            seq_len=data.seq_len,
        )
        places = _spread(list(windows.tiles()), self.limit)
        model.eval()
        vectors = torch.cat([model.encoder(tokens.to(engine.device)).mu for tokens in _batches(windows, places, data)])
        labels = np.array(list(_labels(windows, places, data.corpus.name)))
        content = npz(vectors=vectors.float().cpu().numpy(), columns=np.array(COLUMNS), labels=labels)
        return PictureFiles({".npz": content}, {"points": len(places), "width": vectors.shape[1]})


def _spread(places: Sequence[tuple[int, int]], limit: int) -> list[tuple[int, int]]:
    """At most `limit` of them, evenly apart."""
    chosen = np.linspace(0, len(places) - 1, min(limit, len(places))).round().astype(int)
    return [places[index] for index in chosen]


def _batches(windows: Windows, places: Sequence[tuple[int, int]], data: MusicData) -> Iterator[torch.Tensor]:
    for first in range(0, len(places), BATCH):
        made = [windows.plain(piece, bar) for piece, bar in places[first : first + BATCH]]
        yield collate(made, data.tokenizer.pad).tokens


def _labels(windows: Windows, places: Sequence[tuple[int, int]], corpus: str) -> Iterator[list[str]]:
    keys = {piece: estimate_key(windows.pieces[piece]) for piece, _ in places}
    for piece, bar in places:
        notes, key = windows.notes(piece, bar), keys[piece]
        mode = key.rpartition(" ")[2]
        name = windows.pieces[piece].name or str(piece)
        yield [name, str(bar + 1), composer(windows.pieces[piece], corpus), key, mode, str(len(notes)), _pitch(notes)]


def composer(piece: Notes, corpus: str) -> str:
    """Who wrote the piece, where the corpus or the piece's folder tells; otherwise `unknown`."""
    folders = PurePath(piece.name).parts[:-1]
    return _COMPOSERS.get(corpus) or (folders[-1] if folders else "unknown")


def _pitch(notes: Notes) -> str:
    return f"{notes.pitch.mean():.1f}"
