from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from aurl.data.batch import Batch
from aurl.data.module import MusicData
from aurl.data.sources import Chorales
from aurl.models.transformer import Transformer
from aurl.models.vae import VAE
from aurl.music.notes import Notes
from aurl.music.tokenizer import RemiTokenizer
from aurl.music.tokenizing.voices import voices
from aurl.train.cells import Counted
from aurl.train.engine import Engine
from aurl.train.optim import AdamW
from tests.conftest import Trainer

SIZES = {"d_model": 32, "n_layers": 1, "n_heads": 2, "dropout": 0.0}


def chorales(seq_len: int = 256) -> MusicData:
    data = MusicData(Chorales(), RemiTokenizer(), bars=4, seq_len=seq_len, eval_batch_size=7)
    data.setup()
    return data


def batches(data: MusicData) -> list[Batch]:
    return list(data.eval_batches("validation", 4))


def nll_cell(model: Transformer | VAE, found: list[Batch]) -> float:
    engine = Engine(accelerator="cpu", probe_every=0)
    engine.setup(model, AdamW())
    counted = Counted(found)
    return float(counted.by_cell(engine.evaluate(batch.tokens for batch in counted))["nll_cell"])


def special(data: MusicData) -> dict[str, int]:
    given = {name: getattr(data.tokenizer, name) for name in ("vocab_size", "pad", "bos", "eos")}
    return {**given, "seq_len": data.seq_len}


def test_nats_of_all_tokens_are_shared_by_four_voices_and_sixteen_sixteenths_a_bar() -> None:
    data = chorales()
    found = batches(data)
    model = Transformer(**special(data), **SIZES)  # type: ignore[arg-type]
    nats = cells = 0.0
    windows = data._windows["validation"]
    for batch, first in zip(found, range(0, 28, 7), strict=True):
        with torch.no_grad():
            logits = model.eval().decoder(batch.tokens[:, :-1])
        nats += float(F.cross_entropy(logits.transpose(1, 2), batch.tokens[:, 1:], ignore_index=0, reduction="sum"))
        for piece, start in list(windows.tiles())[first : first + 7]:
            whole = windows.pieces[piece]
            sixteenths = min(4, whole.bars - start) * 4 * whole.bar / whole.resolution
            cells += 4 * sixteenths
    assert data.tokenizer.pad == 0
    assert nll_cell(model, found) == pytest.approx(nats / cells, rel=1e-4)


def test_a_vae_pays_for_what_its_latent_tells() -> None:
    data = chorales()
    found = batches(data)
    model = VAE(**special(data), **SIZES, encoder_layers=1, d_latent=8)  # type: ignore[arg-type]
    engine = Engine(accelerator="cpu", probe_every=0)
    engine.setup(model, AdamW())
    means = engine.evaluate(batch.tokens for batch in found)
    cells, rows = sum(batch.cells for batch in found), sum(map(len, found))
    kl = float(means["loss/kl"]) * rows
    tokens = sum(batch.usage.tokens - len(batch) for batch in found)
    by_hand = (float(means["loss/recon"]) * tokens + kl) / cells
    assert nll_cell(model, found) == pytest.approx(by_hand, rel=0.02), "recon is a mean of means there"
    assert nll_cell(model, found) - kl / cells > 0.9 * by_hand - kl / cells


def test_a_window_that_is_cut_counts_the_share_of_its_cells_that_is_kept() -> None:
    whole, cut = (chorales(length)._windows["validation"] for length in (256, 48))
    piece, start = next(whole.tiles())
    long, short = whole.plain(piece, start), cut.plain(piece, start)
    assert len(long.tokens) > len(short.tokens) == 48
    assert whole.cells(long, start) == 4 * 4 * 16
    assert cut.cells(short, start) == pytest.approx(4 * 4 * 16 * 48 / len(long.tokens))


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        (Notes.build([0, 0, 0, 0], [48] * 4, [48, 55, 60, 64]), 4),
        (Notes.build([0, 12, 24], [12, 12, 12], [60, 62, 64]), 1),  # one after another, each ends where one begins
        (Notes.build([0, 0, 96], [100, 100, 4], [60, 64, 67]), 2),  # a third one, for 4 of 100 ticks
        (Notes.build([0, 0], [10, 10], [60, 60]), 2),
        (Notes.build([], [], []), 1),
    ],
)
def test_voices(notes: Notes, expected: int) -> None:
    assert voices(notes) == expected


def test_every_evaluation_of_a_run_tells_it(train: Trainer, tmp_path: Path) -> None:
    folder = train("run", "trainer.steps=2", "model=vae_gan").folder
    records = [json.loads(line) for line in (folder / "events" / "records.jsonl").read_text().splitlines()]
    told = [record["scalars"]["val/nll_cell"] for record in records if record["kind"] == "eval"]
    assert told
    assert all(value > 0 for value in told)
    assert not any("val/nats" in record["scalars"] for record in records)
