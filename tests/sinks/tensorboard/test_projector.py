from __future__ import annotations

from pathlib import Path

from google.protobuf import text_format
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
from tensorboard.plugins.projector.projector_plugin import _read_tensor_tsv_file

from aurl.sinks.tensorboard.projector import add_embedding

LABELS = [["piece", "key"], ["a\tb", "C major"], ["line\nbreak", ""]]


def config(folder: Path) -> ProjectorConfig:
    return text_format.Parse((folder / "projector_config.pbtxt").read_text(), ProjectorConfig())


def test_the_plugin_reads_the_vectors_and_their_labels(tmp_path: Path) -> None:
    add_embedding(tmp_path, 40, [[0.5, -1e-9], [2.0, 3.25]], LABELS)
    [embedding] = config(tmp_path).embeddings
    assert embedding.tensor_name == "latents at step 40"
    assert _read_tensor_tsv_file(str(tmp_path / embedding.tensor_path)).tolist() == [
        [0.5, -9.999999717180685e-10],
        [2.0, 3.25],
    ]
    rows = (tmp_path / embedding.metadata_path).read_text().splitlines()
    assert rows == ["piece\tkey", "a b\tC major", "line break\t-"]


def test_the_newest_comes_first_and_a_step_once(tmp_path: Path) -> None:
    for step in (40, 1200, 80, 40):
        add_embedding(tmp_path, step, [[1.0], [2.0]], LABELS)
    assert [each.tensor_name.split()[-1] for each in config(tmp_path).embeddings] == ["1200", "80", "40"]
