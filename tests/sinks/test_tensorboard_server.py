"""The real TensorBoard serves every page of a run, by its own fast reader of event files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from aurl.runs.rundir import RunDirectory
from tests.sinks import artifacts
from tests.sinks.conftest import whole_run
from tests.sinks.tensorboard.test_samples import recorded
from tests.sinks.tensorboard.test_sink import write

Get = Callable[..., Any]
RUN = "run/events/tensorboard"
PATIENCE = 60.0

pytestmark = [pytest.mark.slow, pytest.mark.two_process]


@pytest.fixture(scope="module")
def get(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Get]:
    """Asks a TensorBoard for JSON, until there is some to give."""
    home = tmp_path_factory.mktemp("logdir")
    run = RunDirectory(home / "run")
    run.create()
    run.config_json.write_text(json.dumps({"optim.lr": 0.1}))
    write(run, [*whole_run()[:-1], recorded(run), *artifacts.everything(run), whole_run()[-1]])
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(home), "--host", "127.0.0.1", "--port", "0"]
    log = home / "server.log"
    with log.open("w") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        address = wait_for(lambda: re.search(r"http://127\.0\.0\.1:\d+/", log.read_text()))[0]

        def ask(path: str, /, **query: object) -> Any:
            def fetch() -> object:
                with urllib.request.urlopen(f"{address}data/plugin/{path}?{urlencode(query)}", timeout=20) as answer:
                    return json.loads(answer.read())

            return wait_for(fetch)

        yield ask
    finally:
        server.terminate()
        server.wait(20)


def wait_for(look: Callable[[], Any]) -> Any:
    """What `look` gives, as soon as that is something."""
    end = time.monotonic() + PATIENCE
    while not (found := look()) and time.monotonic() < end:
        time.sleep(0.3)
    return found


def test_scalars_have_their_names(get: Get) -> None:
    told = get("scalars/tags")[RUN]["loss/recon"]
    assert told["displayName"] == "Reconstruction loss (nats/token)"
    assert "lower is better" in told["description"]


def test_samples_and_pictures_are_shown(get: Get) -> None:
    assert set(get("images/tags")[RUN]) == {"samples/2/piano_roll", "pictures/landscape", "pictures/attention"}
    assert list(get("audio/tags")[RUN]) == ["samples/2/audio"]
    assert "samples/2/notes" in get("text/tags")[RUN]


def test_histograms_and_the_graph_are_shown(get: Get) -> None:
    assert set(get("histograms/tags")[RUN]) == {"weights/a", "updates/a"}
    [[_, step, buckets]] = get("histograms/histograms", run=RUN, tag="weights/a")
    assert step == 40
    assert sum(count for *_, count in buckets) == pytest.approx(5)
    assert get("graphs/info")[RUN]["run_graph"]


def test_the_layout_the_surface_and_the_latents_are_shown(get: Get) -> None:
    assert get("custom_scalars/layout")["category"][0]["title"] == "Losses"
    assert get("mesh/tags")[RUN] == {"loss_landscape": {"samples": 1}}
    assert get("projector/runs") == [RUN]
    [embedding] = get("projector/info", run=RUN)["embeddings"]
    assert (embedding["tensorName"], embedding["tensorShape"]) == ("latents at step 40", [2, 2])


def test_the_run_is_a_row_of_the_hparams_page(get: Get) -> None:
    [info] = get("hparams/experiment", request="{}")["hparamInfos"]
    assert info["name"] == "optim.lr"
