"""The MLflow sink: parameters, metrics, samples and alerts, on a tracking server or in the run directory."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from aurl.errors import ConfigError
from aurl.machine.files import replace_file
from aurl.machine.secrets import mask
from aurl.record import Kind, Record
from aurl.runs.rundir import RunDirectory
from aurl.show.headlines import headline
from aurl.sinks import high_water as shown
from aurl.sinks import hyperparameters
from aurl.sinks.base import Sink
from aurl.sinks.high_water import Shown
from aurl.sinks.identity import identity

if TYPE_CHECKING:
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

_MOST_METRICS, _MOST_PARAMETERS = 1000, 100  # of one request, MLflow's own limits
_LONGEST_PARAMETER, _LONGEST_NAME = 500, 250
_NOT_IN_A_NAME = re.compile(r"[^\w./: -]")
_SLASHES = re.compile(r"/+")
_REFUSED = frozenset({"INVALID_PARAMETER_VALUE", "BAD_REQUEST"})
_STATUS = {"done": "FINISHED", "preempted": "KILLED"}


class MlflowSink(Sink):
    """Writes a run for MLflow. It works apart, see `aurl.sinks.worker`.

    Args:
        tracking_uri: of the server or store; null for MLFLOW_TRACKING_URI, and where that is not set for
            `events/mlflow/store` in the run directory (`mlflow ui --backend-store-uri DIR` shows it).
        experiment: null for the run's name.
        samples: send generated pieces as artifacts.
        finish_seconds: how long the end of a run waits for the server.

    Raises:
        ConfigError: the package mlflow is missing.
    """

    apart = True
    whole_log = True

    def __init__(
        self,
        *,
        tracking_uri: str | None = None,
        experiment: str | None = None,
        samples: bool = True,
        finish_seconds: float = 60.0,
    ) -> None:
        if find_spec("mlflow") is None:
            raise ConfigError(
                "logging=mlflow needs the package mlflow: pip install 'aurl[mlflow]', or choose logging=csv"
            )
        self.finish_seconds = finish_seconds
        self._tracking_uri = tracking_uri
        self._experiment = experiment
        self._samples = samples
        self._directory: RunDirectory | None = None
        self._client: MlflowClient | None = None
        self._shown = Shown(None)
        self._last: Record | None = None
        self._run_id = ""
        self._metrics: list[Metric] = []
        self._refused: set[str] = set()
        self._alerts: list[str] = []
        self._status = "FAILED"

    def open(self, run: RunDirectory) -> None:
        self._directory = run
        self._shown = shown.read(self._own(run) / "shown")

    def write(self, record: Record) -> None:
        if self._shown.has(record):
            return
        from mlflow.entities import Metric

        client = self._client or self._begin()
        self._last = record
        when = int(record.time * 1000)
        self._metrics += [Metric(name, value, when, record.step) for name, value in _values(record).items()]
        if record.kind is Kind.SAMPLE and self._samples:
            self._send_sample(client, record)
        elif record.kind is Kind.ALERT:
            self._alerts.append(f"step {record.step}: {headline(record)}")
        elif record.kind is Kind.END:
            self._status = _STATUS.get(str(record.fields.get("status")), "FAILED")

    def flush(self) -> None:
        if self._client is None or self._last is None or self._directory is None:
            return
        while self._metrics:
            batch = self._metrics[:_MOST_METRICS]
            self._send("metrics", batch)
            self._metrics = self._metrics[len(batch) :]
        shown.write(self._own(self._directory) / "shown", self._last)
        self._last = None

    def close(self) -> None:
        client = self._client
        if client is not None:
            self.flush()
            if self._alerts:
                client.log_text(self._run_id, "\n".join(self._alerts) + "\n", "alerts.txt")
            client.set_terminated(self._run_id, self._status)
        self._client = None

    def _own(self, run: RunDirectory) -> Path:
        return run.events / "mlflow"

    def _begin(self) -> MlflowClient:
        assert self._directory is not None
        own = self._own(self._directory)
        own.mkdir(parents=True, exist_ok=True)
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        from mlflow.tracking import MlflowClient

        uri = self._tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or (own / "store").as_uri()
        client = MlflowClient(tracking_uri=uri)
        kept = own / "run_id"  # a resumed run goes on under the same id
        self._client = client
        if kept.is_file():
            self._run_id = kept.read_text(encoding="utf-8").strip()
            client.set_terminated(self._run_id, "RUNNING")
        else:
            self._run_id = self._new_run(client, self._directory)
            replace_file(kept, f"{self._run_id}\n".encode())
            self._send_parameters(self._directory)
        return client

    def _send(self, what: Literal["metrics", "params"], batch: Sequence[Any]) -> None:
        """Send a batch without those that MLflow refuses, which are told by name: one must not cost the others."""
        from mlflow.exceptions import MlflowException

        assert self._client is not None
        try:
            if what == "metrics":
                self._client.log_batch(self._run_id, metrics=batch)
            else:
                self._client.log_batch(self._run_id, params=batch)
        except MlflowException as error:
            if error.error_code not in _REFUSED:
                raise
            if len(batch) > 1:
                self._send(what, batch[: len(batch) // 2])
                self._send(what, batch[len(batch) // 2 :])
            elif batch[0].key not in self._refused:
                self._refused.add(batch[0].key)
                self.tell(f"mlflow refuses {batch[0].key!r} ({str(error).splitlines()[0]}); it lacks it", "warning")

    def _new_run(self, client: MlflowClient, run: RunDirectory) -> str:
        known = identity(run)
        name = self._experiment or known.project
        found = client.get_experiment_by_name(name)
        experiment = found.experiment_id if found is not None else client.create_experiment(name)
        tags = {"aurl.tags": ", ".join(known.tags), "aurl.group": known.group, "mlflow.source.git.commit": known.commit}
        tags["mlflow.note.content"] = known.notes
        given = {key: value for key, value in tags.items() if value}
        return str(client.create_run(experiment, run_name=known.name, tags=given).info.run_id)

    def _send_parameters(self, run: RunDirectory) -> None:
        from mlflow.entities import Param

        config = mask(hyperparameters.read(run))
        assert isinstance(config, dict)
        parameters = [Param(_name(key), str(value)[:_LONGEST_PARAMETER]) for key, value in config.items()]
        for first in range(0, len(parameters), _MOST_PARAMETERS):
            self._send("params", parameters[first : first + _MOST_PARAMETERS])

    def _send_sample(self, client: MlflowClient, record: Record) -> None:
        assert self._directory is not None
        for key in ("path", "image", "audio"):
            relative = record.fields.get(key)
            if isinstance(relative, str) and (self._directory.path / relative).is_file():
                client.log_artifact(self._run_id, str(self._directory.path / relative), "samples")


def _values(record: Record) -> dict[str, float]:
    """Metrics by name. Epochs repeat the names of their steps, and the samples of a step each other's."""
    if record.kind is Kind.EPOCH:
        return {_name(f"epoch/{name}"): value for name, value in record.scalars.items()}
    if record.kind is Kind.SAMPLE or (record.kind is Kind.QUALITY and record.fields.get("scope") == "sample"):
        slot = record.fields.get("slot")
        return {_name(f"{name}/{slot}"): value for name, value in record.scalars.items()}
    return {_name(name): value for name, value in record.scalars.items()}


def _name(name: str) -> str:
    """The name as MLflow takes it, for which it is a relative path: `a//b` is `a/b` there, and `../a` is `__/a`."""
    parts = _SLASHES.sub("/", _NOT_IN_A_NAME.sub("_", name)[:_LONGEST_NAME]).strip("/").split("/")
    return "/".join(part if part.strip(".") else "_" * max(len(part), 1) for part in parts)
