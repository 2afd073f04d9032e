from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import torch

from aurl.errors import AurlError
from aurl.models.transformer import Transformer
from aurl.music.notes import Notes
from aurl.train.pictures.embedding import COLUMNS, Embedding, composer
from tests.train.pictures.parts import batch, scene


def test_the_vectors_are_the_means_of_the_posterior() -> None:
    engine, data = scene()
    drawn = Embedding().draw(engine, data)
    arrays = np.load(BytesIO(drawn.files[".npz"]), allow_pickle=False)
    engine.model.eval()
    with torch.no_grad():
        expected = engine.model.encoder(batch(data)).mu.numpy()  # type: ignore[operator]
    assert np.allclose(arrays["vectors"][: len(expected)], expected, atol=1e-6)
    assert arrays["columns"].tolist() == list(COLUMNS)
    assert arrays["labels"].shape == (len(arrays["vectors"]), len(COLUMNS))
    assert (drawn.fields["points"], drawn.fields["width"]) == arrays["vectors"].shape


def test_labels_tell_piece_bar_and_key() -> None:
    engine, data = scene()
    rows = np.load(BytesIO(Embedding().draw(engine, data).files[".npz"]), allow_pickle=False)["labels"].tolist()
    piece, bar, _, key, mode, notes, pitch = rows[0]
    first = data.corpus.validation[0]
    assert (piece, bar) == (first.name, "1")
    assert key.endswith(mode)
    assert mode in {"major", "minor"}
    window = first.window(0, 2)
    assert (notes, pitch) == (str(len(window)), f"{window.pitch.mean():.1f}")


def test_the_windows_are_limited_and_spread_over_the_set() -> None:
    engine, data = scene()
    every, two = (np.load(BytesIO(Embedding(limit=n).draw(engine, data).files[".npz"]))["labels"] for n in (99, 2))
    assert len(two) == 2
    assert two[0].tolist() == every[0].tolist()
    assert two[1].tolist() == every[-1].tolist()


@pytest.mark.parametrize(
    ("name", "corpus", "expected"),
    [
        ("bwv1.6", "chorales", "J. S. Bach"),
        ("Clara Schumann/op3.mid", "midi_folder", "Clara Schumann"),
        ("op3.mid", "midi_folder", "unknown"),
    ],
)
def test_the_composer_is_that_of_the_corpus_or_of_the_folder(name: str, corpus: str, expected: str) -> None:
    assert composer(Notes.build([0], [1], [60], name=name), corpus) == expected


def test_a_model_without_latents_is_named() -> None:
    engine, data = scene()
    tokens = data.tokenizer
    engine.model = Transformer(tokens.vocab_size, 96, tokens.pad, tokens.bos, tokens.eos, d_model=16, n_heads=2)
    with pytest.raises(AurlError, match=r"Transformer has no latent space; leave embedding out of pictures"):
        Embedding().draw(engine, data)
