"""The hparams page, read by the plugin's own backend over a sweep of runs."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from tensorboard import context
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, get_experiment, list_session_groups, metadata

from aurl.monitor import Monitor
from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.sinks.tensorboard import hparams as tensorboard_hparams
from aurl.sinks.tensorboard.sink import TensorBoardSink
from tests.sinks.conftest import NOON


def finished(folder: Path, lr: float, losses: list[float], status: str = "done") -> RunDirectory:
    """A run of a sweep over the learning rate, as its sink leaves it."""
    run = RunDirectory(folder)
    run.create()
    run.hydra.mkdir()
    config = {"optim.lr": lr, "model._target_": "aurl.models.vae.VAE", "trainer.compile": False, "name": "sweep"}
    run.config_json.write_bytes(orjson.dumps(config))
    (run.hydra / "overrides.yaml").write_text(f"- optim.lr={lr}\n- name=sweep\n")
    sink = TensorBoardSink()
    sink.open(run)
    sink.write(Record(Kind.START, 0, fields={"run": run.id}, time=NOON))
    for step, loss in enumerate(losses, 1):
        sink.write(Record(Kind.EVAL, step, {"val/loss/total": loss}, {}, NOON + step))
    sink.write(Record(Kind.END, len(losses), {"time/total": 9.0}, {"status": status}, NOON + 9))
    sink.close()
    return run


@pytest.fixture
def sweep(tmp_path: Path) -> backend_context.Context:
    finished(tmp_path / "a", 0.1, [3.0, 1.0, 2.0])
    finished(tmp_path / "b", 0.2, [5.0, 4.0], status="failed")
    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(tmp_path))
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(tmp_path))
    return backend_context.Context(base_plugin.TBContext(data_provider=provider))


def groups(sweep: backend_context.Context) -> list[api_pb2.SessionGroup]:
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0,
        slice_size=10,
        include_metrics=True,
        aggregation_type=api_pb2.AGGREGATION_AVG,
        allowed_statuses=[api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE],
        col_params=[api_pb2.ColParams(hparam="optim.lr", order=api_pb2.ORDER_ASC)],
    )
    handler = list_session_groups.Handler(context.RequestContext(), sweep, "e", request)
    return list(handler.run().session_groups)


def test_the_table_has_a_row_for_each_run_with_its_last_and_best_value(sweep: backend_context.Context) -> None:
    first, second = groups(sweep)
    assert [row.hparams["optim.lr"].number_value for row in (first, second)] == [0.1, 0.2]
    assert first.hparams["model"].string_value == "VAE"
    assert first.hparams["trainer.compile"].bool_value is False
    assert "name" not in first.hparams
    metrics = {metric.name.tag: metric.value for metric in first.metric_values}
    assert metrics == {"val/loss/total": 2.0, "best/val/loss/total": 1.0}
    assert [row.sessions[0].status for row in (first, second)] == [api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE]
    assert first.sessions[0].start_time_secs == NOON


def test_the_columns_are_named_and_those_of_the_sweep_come_first(sweep: backend_context.Context) -> None:
    found = get_experiment.Handler(
        context.RequestContext(), sweep, "e", api_pb2.GetExperimentRequest(include_metrics=True)
    ).run()
    assert [info.name for info in found.hparam_infos] == ["optim.lr", "model", "trainer.compile"]
    assert [info.type for info in found.hparam_infos] == [
        api_pb2.DATA_TYPE_FLOAT64,
        api_pb2.DATA_TYPE_STRING,
        api_pb2.DATA_TYPE_BOOL,
    ]
    assert {info.name.tag: info.display_name for info in found.metric_infos} == {
        "best/val/loss/total": "Best validation loss",
        "val/loss/total": "Validation loss",
    }


def test_a_loop_of_ones_own_shows_the_configuration_it_gave(tmp_path: Path) -> None:
    config = {"lr": 0.1, "model": {"width": 8}}
    with Monitor.open(tmp_path / "mine", logging=["tensorboard"], config=config) as monitor:
        monitor.eval(1, {"val/loss/total": 2.0})
    reader = EventAccumulator(str(tmp_path / "mine" / "events" / "tensorboard")).Reload()
    content = reader.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    told = metadata.parse_session_start_info_plugin_data(content).hparams
    assert {key: value.number_value for key, value in told.items()} == {"lr": 0.1, "model.width": 8}
    assert reader.Scalars("best/val/loss/total")[0].value == 2.0


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("done", api_pb2.STATUS_SUCCESS),
        ("preempted", api_pb2.STATUS_RUNNING),
        ("stopped", api_pb2.STATUS_FAILURE),
        ("odd", api_pb2.STATUS_FAILURE),
    ],
)
def test_endings_are_told(status: str, shown: int) -> None:
    (value,) = Event.FromString(tensorboard_hparams.session_end(NOON, status)).summary.value
    assert value.tag == metadata.SESSION_END_INFO_TAG
    assert metadata.parse_session_end_info_plugin_data(value.metadata.plugin_data.content).status == shown
