"""Every address over real runs, and over runs as disks and crashes spoil them."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from aurl.dashboard.store.packing import unpack_binary
from aurl.machine import process
from aurl.music.midi_writer import write_midi
from aurl.music.notes import Notes
from aurl.record import Kind, Record
from tests.dashboard.conftest import Serve, Site
from tests.dashboard.runs import BEGAN, alert, change, make, step, steps, write

HOSTILE = "<img src=x onerror=alert(1)>\u2028\x00"
SCORES = {"quality/overall": 0.7, "quality/copied_fraction": 0.0}


def music(run: Path) -> list[Record]:
    """Two samples with their files, one without, and what they scored."""
    write_midi(Notes.build([0, 12, 24], [12, 12, 12], [60, 64, 67]), run / "samples" / "000020_0.mid")
    (run / "samples" / "000020_0.png").write_bytes(b"\x89PNG")
    records = []
    for slot in (0, 1):
        files = {"path": f"samples/000020_{slot}.mid", "image": f"samples/000020_{slot}.png", "audio": None}
        records.append(Record(Kind.SAMPLE, 20, {"sample/notes": 3.0}, files | {"slot": slot, "seed": slot}, BEGAN + 20))
    scored = {"scope": "sample", "slot": 0, "path": "samples/000020_0.mid", "profile": "chorales, 4 bars"}
    records.append(Record(Kind.QUALITY, 20, SCORES, scored, BEGAN + 20))
    mean = {"quality/mean/overall": 0.7, "quality/band_low": 0.8, "quality/band_high": 0.9}
    records.append(Record(Kind.QUALITY, 20, mean, {"scope": "evaluation"}, BEGAN + 20))
    return records


@pytest.fixture(scope="module")
def site(serve_all: Serve, tmp_path_factory: pytest.TempPathFactory) -> Site:
    outputs = tmp_path_factory.mktemp("outputs")
    (outputs / "good" / "samples").mkdir(parents=True)
    checkpoint = Record(Kind.CHECKPOINT, 40, {}, {"path": "checkpoints/step_00000040", "best": True}, BEGAN + 40)
    data = Record(Kind.DATA, 40, {"data/files": 300.0}, {"rejected": []}, BEGAN + 40)
    bad = step(41, loss_total=math.nan)
    records = [*steps(40), *music(outputs / "good"), alert(25), alert(30, "critical"), checkpoint, data, bad]
    good = make(outputs / "good", records)
    (good / "logs" / "train.log").write_text(
        "".join(map("[2026-11-23 09:42:{:02}.000] [INFO] [train] Step {}\n".format, *[range(60)] * 2))
    )
    (good / "checkpoints" / "step_00000040").mkdir()
    make(
        outputs / "other" / "seed2",
        steps(30),
        {"optim.lr": 0.01, "seed": 2},
        name=HOSTILE,
        tags=[HOSTILE],
        status="failed",
    )
    return serve_all(outputs)


def test_the_table(site: Site) -> None:
    document = site.ask("/api/runs")
    assert (document["total"], document["exists"]) == (2, True)
    assert document["varying"] == ["optim.lr"]
    rows = {row["path"]: row for row in document["runs"]}
    good = rows["good"]
    assert (good["status"], good["step"], good["loss"]["best"]) == ("done", 41, 0.25)
    assert good["alerts"] == {"info": 0, "warning": 1, "critical": 1, "fatal": 0}
    assert good["config"] == {"optim.lr": 0.001}
    assert rows["other/seed2"]["tags"] == [HOSTILE]
    assert [row["path"] for row in site.ask("/api/runs", filter="lr=0.01 and status=failed")["runs"]] == ["other/seed2"]
    refused = site.get("/api/runs", filter="lr=")
    assert (refused.status, refused.json()["at"]) == (400, 3)


def test_one_run(site: Site) -> None:
    document = site.ask(f"/api/run/{site.key('good')}")
    assert [group["prefix"] for group in document["groups"]][:2] == ["loss", "quality"]
    (loss,) = document["groups"][0]["series"]
    assert (loss["name"], loss["count"], loss["nonfinite"], loss["last"]) == ("loss/total", 41, 1, None)
    assert (loss["label"], loss["better"], loss["last_step"]) == ("Loss", "lower", 41)
    assert [alert["step"] for alert in document["alerts"]] == [30, 25]
    assert document["alerts"][0]["suggestions"] == ["lower optim.lr"]
    assert document["checkpoints"][0]["exists"]
    assert document["data"]["scalars"] == {"data/files": 300.0}
    assert document["ingest"]["state"] == "ready"
    assert {file["path"] for file in document["files"]} >= {"run.json", "config.json", "logs/train.log"}


def test_curves_as_json_and_as_bytes(site: Site) -> None:
    key = site.key("good")
    query = {"run": [key, site.key("other/seed2"), "0" * 16], "name": ["loss/total", "no/such"], "smooth": 0.5}
    document = site.ask("/api/curves", **query)
    assert len(document["curves"]) == 6
    (first, missing), gone = document["curves"][:2], document["curves"][4]
    assert first["y"][:2] == [10.0, 5.0]
    assert first["smooth"][0] == 10.0
    assert first["nonfinite"] == [[41.0, 41, "NaN"]]
    assert first["alerts"] == [25.0, 30.0]
    assert "no scalar" in missing["error"]
    assert "no run" in gone["error"]
    header, buffer = unpack_binary(site.get("/api/curves", **query, format="binary").body)
    offset, count = header["curves"][0]["y"]
    np.testing.assert_array_equal(buffer[offset : offset + count], first["y"])


def test_a_zoom_gives_the_points_inside(site: Site) -> None:
    query = {"run": site.key("good"), "name": "loss/total", "from": 10, "to": 12}
    assert site.ask("/api/curves", **query)["curves"][0]["x"] == [9.0, 10.0, 11.0, 12.0, 13.0]
    relative = site.ask("/api/curves", **query, x="relative")["curves"][0]
    assert relative["step"] == [10.0, 11.0, 12.0, 13.0, 14.0]


@pytest.mark.parametrize(
    ("address", "query"),
    [
        ("/api/curves", {"x": "up"}),
        ("/api/curves", {"points": "many"}),
        ("/api/curves", {"smooth": 1}),
        ("/api/curves", {"from": "nan"}),
        ("/api/curves", {"format": "pickle"}),
        ("/api/curves", {"name": [str(number) for number in range(65)]}),
        ("/api/curves", {"run": [str(number) for number in range(201)]}),
        ("/api/compare", {}),
        ("/api/samples", {"from": "x"}),
        ("/api/log", {"level": "LOUD"}),
    ],
)
def test_what_makes_no_sense_is_answered_in_a_sentence(site: Site, address: str, query: dict[str, object]) -> None:
    if address in ("/api/samples", "/api/log"):
        query = query | {"run": site.key("good")}
    reply = site.get(address, **query)
    assert reply.status == 400
    assert reply.json()["error"]


@pytest.mark.parametrize(
    "address",
    ["/api/run/x", "/api/samples?run=x", "/api/notes", "/api/log?run=", "/api/diff?a=x", "/api/names",
     "/api/alerts?run=x", "/file/x/run.json", "/nowhere", "/api/run/%00", "/api/curves/x"],
)  # fmt: skip
def test_what_is_not_there(site: Site, address: str) -> None:
    reply = site.get(address)
    assert reply.status == 404
    assert reply.json()["error"]


def test_samples_and_their_scores(site: Site) -> None:
    document = site.ask("/api/samples", run=site.key("good"))
    second, first = document["samples"]
    assert (first["id"], first["overall"], first["profile"]) == ("000020_0", 0.7, "chorales, 4 bars")
    assert first["midi"] == f"/file/{site.key('good')}/samples/000020_0.mid"
    assert (second["midi"], second["missing"], second["quality"]) == (None, ["midi", "image"], {})
    assert document["band"] == {"overall": [0.8, 0.9]}
    assert (document["best"], document["slots"], document["steps"]) == (["000020_0"], [0, 1], [20])
    assert site.ask("/api/samples", run=site.key("good"), slot=1)["total"] == 1


def test_the_notes_of_a_sample(site: Site) -> None:
    document = site.ask("/api/notes", run=site.key("good"), path="samples/000020_0.mid")
    assert document["notes"] == [[0, 12, 60, 80], [12, 12, 64, 80], [24, 12, 67, 80]]
    assert document["copied"] == []


def test_the_alerts_of_all_runs(site: Site) -> None:
    document = site.ask("/api/alerts", filter="severity=critical")
    assert [alert["step"] for alert in document["alerts"]] == [30]
    assert document["complete"]
    assert site.ask("/api/alerts", run=site.key("other/seed2"))["total"] == 0


def test_the_text_log(site: Site) -> None:
    key = site.key("good")
    document = site.ask("/api/log", run=key, tail=2)
    assert [line["text"] for line in document["lines"]] == ["Step 58", "Step 59"]
    older = site.ask("/api/log", run=key, tail=2, before=document["next"])
    assert [line["text"] for line in older["lines"]] == ["Step 56", "Step 57"]
    assert [line["text"] for line in site.ask("/api/log", run=key, q="STEP 7")["lines"]] == ["Step 7"]
    assert site.ask("/api/log", run=key, level="ERROR")["lines"] == []


def test_what_is_different(site: Site) -> None:
    document = site.ask("/api/diff", a=site.key("good"), b=site.key("other/seed2"))
    assert {"key": "optim.lr", "a": 0.001, "b": 0.01} in document["config"]
    assert document["same"] > 0


def test_sparks_bands_names_and_axes(site: Site) -> None:
    keys = [site.key("good"), site.key("other/seed2")]
    sparks = site.ask("/api/sparks", run=keys)["sparks"]
    assert sparks[keys[0]]["y"][0] == 10.0
    (band,) = site.ask("/api/bands", group=",".join(keys), name="loss/total", points=10)["bands"]
    assert (band["n"], len(band["mean"])) == (2, 10)
    assert site.ask("/api/names", run=keys[0], q="files")["total"] == 1
    parallel = site.ask("/api/parallel", run=keys)
    assert [axis["key"] for axis in parallel["axes"]] == ["optim.lr"]
    assert [line["values"] for line in parallel["lines"]] == [[0.001], [0.01]]


def test_runs_compared(site: Site) -> None:
    keys = [site.key("good"), site.key("other/seed2")]
    document = site.ask("/api/compare", run=keys, metric="loss/total")
    assert {group["n"] for group in document["groups"]} <= {0, 1}
    assert document["keys"]["good"] == keys[0]
    assert "no/such" in site.ask("/api/compare", run=keys, metric="no/such")["error"]


def test_the_state_of_the_server(site: Site) -> None:
    document = site.ask("/api/status")
    assert document["runs"] == 2
    assert document["rss_mb"] > 10


def test_the_table_gives_any_setting_and_scalar_and_what_tells_runs_apart(serve: Serve, tmp_path: Path) -> None:
    for number in range(6):
        config = {"optim.lr": [0.1, 0.01][number % 2], "trainer.steps": 5} | ({"debug_rate": 1} if number == 5 else {})
        make(tmp_path / "runs" / f"r{number}", config=config)
    site = serve(tmp_path / "runs")
    document = site.ask("/api/runs", metric=["loss/total"], key=["trainer.steps", "model.size"])
    assert document["telling"] == ["optim.lr"]
    assert set(document["varying"]) == {"optim.lr", "debug_rate"}
    row = document["runs"][0]
    assert row["metrics"]["loss/total"] == {
        "last": 0.25,
        "best": 0.25,
        "min": 0.25,
        "max": 10.0,
        "mean": row["metrics"]["loss/total"]["mean"],
    }
    assert row["config"]["trainer.steps"] == 5
    assert "metrics" not in site.ask("/api/runs")["runs"][0]
    known = site.ask("/api/columns")
    assert "loss/total" in known["metrics"]
    assert {"optim.lr", "trainer.steps", "debug_rate"} <= set(known["keys"])
    assert len(site.ask("/api/runs", filter="loss/total.max > 9 and debug_rate = 1")["runs"]) == 1
    assert site.get("/api/runs", metric=[f"m{n}" for n in range(65)]).status == 400


def test_no_directory_yet_and_then_one(serve: Serve, tmp_path: Path) -> None:
    site = serve(tmp_path / "later")
    assert site.ask("/api/runs") | {"now": 0} == {
        "root": str(tmp_path / "later"), "exists": False, "total": 0, "matching": 0, "outside": 0, "runs": [],
        "varying": [], "telling": [], "names": {}, "version": 0, "now": 0,
    }  # fmt: skip
    make(tmp_path / "later" / "first")
    site.look()
    assert [row["path"] for row in site.ask("/api/runs")["runs"]] == ["first"]


DEEP = '{"a":' * 900 + "1" + "}" * 900
ODD = [
    '{"kind":"step","step":-5,"scalars":{"loss/total":1e308},"time":"x"}',
    '{"kind":"alert","step":1}',
    '{"kind":"sample","step":1,"fields":{"path":7,"slot":"x"}}',
    '{"kind":"quality","step":1}',
    '{"kind":"start","step":1,"fields":{"resumed_from":"y"}}',
    '{"kind":"checkpoint","step":1}',
    '{"kind":"step","step":99999999999999999999,"scalars":{"a":1}}',
    '{"kind":"note","step":2}',
    '{"kind":"sample","step":1,"fields":{"path":"../../../../etc/passwd"}}',
]
FILES: dict[str, tuple[str, str]] = {
    "empty log": ("events/records.jsonl", ""),
    "odd records": ("events/records.jsonl", "\n".join(ODD) + "\n"),
    "half a run.json": ("run.json", '{"v":1,"status":"do'),
    "a list for a run.json": ("run.json", "[]"),
    "run.json nested deeply": ("run.json", f'{{"status":"done","config":{DEEP},"seed":{DEEP},"tags":[{DEEP}]}}'),
    "a config nested deeply": ("config.json", DEEP),
    "a huge config": ("config.json", json.dumps({f"key.{number}": "x" * 50 for number in range(20_000)})),
    "a config that is none": ("config.json", "\x00"),
}
"""What a file of the run is overwritten with."""


def spoil(run: Path, how: str) -> None:
    log, info = run / "events" / "records.jsonl", run / "run.json"
    if how in FILES:
        name, content = FILES[how]
        (run / name).write_text(content)
    elif how == "torn":
        log.write_bytes(log.read_bytes()[:-20])
    elif how == "binary":
        log.write_bytes(bytes(range(256)) * 40)
    elif how == "no log":
        shutil.rmtree(run / "events")
    elif how == "other types in run.json":
        odd = {name: [1, {"x": None}] for name in json.loads(info.read_text()) if name != "status"}
        info.write_text(json.dumps(odd | {"status": "done"}))
    elif how == "no run.json":
        info.unlink()
    elif how == "unreadable":
        info.chmod(0)
        log.chmod(0)


SPOILED = (*FILES, "torn", "binary", "no log", "other types in run.json", "no run.json", "unreadable")


@pytest.fixture(scope="module")
def spoiled(serve_all: Serve, tmp_path_factory: pytest.TempPathFactory) -> Site:
    outputs = tmp_path_factory.mktemp("spoiled")
    for how in SPOILED:
        spoil(make(outputs / how, [*steps(20), alert(5)]), how)
    make(outputs / "well", [*steps(20), alert(5)])
    return serve_all(outputs)


@pytest.mark.parametrize("how", [*SPOILED, "well"])
def test_a_spoiled_run_is_shown_as_what_it_is_beside_good_ones(spoiled: Site, how: str) -> None:
    key = spoiled.key(how)
    query = f"run={key}"
    for address in (
        f"/api/run/{key}", f"/api/curves?{query}&name=loss/total&smooth=.5", f"/api/samples?{query}",
        f"/api/log?{query}",
        f"/api/names?{query}", f"/api/alerts?{query}", f"/api/sparks?{query}", f"/api/diff?a={key}&b={key}",
        f"/api/parallel?{query}", f"/api/bands?group={key}&name=loss/total",
    ):  # fmt: skip
        reply = spoiled.get(address)
        assert reply.status == 200, (address, reply.body)
    spoiled.ask(f"/api/compare?{query}")
    assert len(spoiled.ask("/api/alerts")["alerts"]) >= 1


def test_a_run_deleted_while_it_is_open(serve: Serve, tmp_path: Path) -> None:
    run = make(tmp_path / "outputs" / "a")
    make(tmp_path / "outputs" / "b")
    site = serve(tmp_path / "outputs")
    key = site.key("a")
    assert site.ask("/api/curves", run=key, name="loss/total")["curves"][0]["count"] == 40
    shutil.rmtree(run)
    site.look()
    assert site.get(f"/api/run/{key}").status == 404
    assert [row["path"] for row in site.ask("/api/runs")["runs"]] == ["b"]


def test_a_run_that_says_it_runs_though_its_process_is_gone(serve: Serve, tmp_path: Path) -> None:
    run = make(tmp_path / "outputs" / "a", status="running", ended=None)
    change(run, process=process.identity() | {"began": "earlier"})
    write(run, [step(41)])
    site = serve(tmp_path / "outputs")
    assert site.ask("/api/runs")["runs"][0]["status"] == "crashed"
