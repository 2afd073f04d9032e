"""The one thread that looks at files for all browsers, and tells them what is new."""

from __future__ import annotations

import logging
import math
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aurl.dashboard.live import textlog
from aurl.dashboard.live.alerts import AlertIndex
from aurl.dashboard.live.broker import Client, Hub, event
from aurl.dashboard.live.catalog import Catalog, Changes, RunEntry
from aurl.dashboard.store.events import Sample
from aurl.dashboard.store.lru import Shelf
from aurl.dashboard.store.serializers import (
    MOST_SERIES,
    alert_json,
    checkpoints_json,
    ingest_json,
    sample_json,
    series_json,
)
from aurl.dashboard.store.store import NewPoints, RunStore
from aurl.show.downsample import min_max

PERIOD = 0.2
LIST_PERIOD = 1.0
MOST_POINTS = 1000
"""Points of one series in one event; more are thinned out, extremes kept."""
_PAUSE = 5.0
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class _Watch:
    """What the browsers that follow one run have been told."""

    state: str = ""
    generation: int = 0
    series: set[str] = field(default_factory=set)
    series_count: int = 0
    changes: int = -1
    samples: dict[str, tuple[int, int]] = field(default_factory=dict)
    alert_count: int = 0
    checkpoints: int = 0
    log_at: int | None = None
    status: str = ""


class Poller(threading.Thread):
    """Ticks until it is stopped.

    Attributes:
        boot: of this server, told in every event id.
        tick_seconds: CPU time of the last look at the whole directory.
    """

    def __init__(self, catalog: Catalog, shelf: Shelf, hub: Hub, alerts: AlertIndex, boot: str) -> None:
        super().__init__(name="aurl-poller", daemon=True)
        self.boot = boot
        self.tick_seconds = 0.0
        self._catalog = catalog
        self._shelf = shelf
        self._hub = hub
        self._alerts = alerts
        self._watches: dict[str, _Watch] = {}
        self._due = 0.0
        self._stop_event = threading.Event()

    def run(self) -> None:
        while not self._stop_event.wait(PERIOD):
            try:
                self.tick()
            except Exception:  # noqa: BLE001  - one odd run must not end the updates of all the others
                _LOG.exception("the dashboard could not look at the runs; it tries again")
                self._stop_event.wait(_PAUSE)

    def stop(self) -> None:
        """End after the tick under way."""
        self._stop_event.set()

    def tick(self) -> None:
        """Look once."""
        clients = self._hub.clients
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + LIST_PERIOD
            began = time.thread_time()
            changes = self._catalog.look()
            self.tick_seconds = time.thread_time() - began
            self._tell_list(changes, clients)
        followed: dict[str, list[Client]] = {}
        for client in clients:
            if client.run is not None:
                followed.setdefault(client.run, []).append(client)
        for key in self._watches.keys() - followed.keys():
            del self._watches[key]
        for key, followers in followed.items():
            self._follow(key, followers)

    def _tell_list(self, changes: Changes, clients: list[Client]) -> None:
        if not changes:
            return
        for path in changes.gone:
            self._shelf.drop(path)
            self._alerts.forget(path)
        entries = [entry for key in changes.changed if (entry := self._catalog.get(key)) is not None]
        if clients:
            data: dict[str, Any] = {
                "changed": [self._catalog.row(entry) for entry in entries],
                "removed": changes.removed,
                "varying": self._catalog.varying,
                "columns": changes.columns,
                "version": self._catalog.version,
            }
            self._hub.publish(clients, event("runs", data))
        for entry in entries:
            fresh = self._alerts.fresh(entry) if clients and entry.row["key"] not in self._watches else []
            if fresh:
                self._hub.publish(clients, event("alerts", {"alerts": fresh}))
        for client in clients:
            if client.run in changes.removed:
                self._hub.publish([client], event("run", {"run": client.run, "why": "deleted"}))

    def _follow(self, key: str, clients: list[Client]) -> None:
        entry = self._catalog.get(key)
        if entry is None or entry.blocked:
            return
        store = self._shelf.open(entry.path, wait=0.05)
        store.mark()
        watch = self._watches.get(key)
        if watch is None:
            watch = self._watches[key] = self._begin(store, entry)
        self._tell_state(key, entry, store, watch, clients)
        self._tell_points(key, store, clients)
        self._tell_events(key, entry, store, watch, clients)
        self._tell_log(key, entry, watch, clients)

    def _begin(self, store: RunStore, entry: RunEntry) -> _Watch:
        with store.lock:
            samples = {sample.id: _marks(sample) for sample in store.events.samples.values()}
            return _Watch(
                store.state,
                store.generation,
                {name for name, _ in store.series()},
                store.series_count,
                store.events.changes,
                samples,
                store.events.alert_count,
                len(store.events.checkpoints),
                None,
                entry.row["status"],
            )

    def _tell_state(self, key: str, entry: RunEntry, store: RunStore, watch: _Watch, clients: list[Client]) -> None:
        reasons = {
            "replaced": watch.generation != store.generation,
            "ready": watch.state != store.state,
            "status": watch.status != entry.row["status"],
            "reading": store.state == "reading",
        }
        watch.generation, watch.state, watch.status = store.generation, store.state, entry.row["status"]
        why = next((reason for reason, holds in reasons.items() if holds), None)
        if why is not None:
            data: dict[str, Any] = {"run": key, "why": why, "status": watch.status, "ingest": ingest_json(store)}
            data |= {"generation": store.generation, "cursor": store.cursor}
            self._hub.publish(clients, event("run", data))
        if store.series_count != watch.series_count:
            watch.series_count = store.series_count
            found = series_json(store)
            new = [one for one in found if one["name"] not in watch.series][:MOST_SERIES]
            watch.series = {one["name"] for one in found}
            self._hub.publish(clients, event("names", {"run": key, "series_total": len(found), "series": new}))

    def _tell_points(self, key: str, store: RunStore, clients: list[Client]) -> None:
        if store.state == "reading":
            return
        groups: dict[tuple[tuple[int, int], tuple[str, ...]], list[Client]] = {}
        with store.lock:
            now = (store.generation, store.cursor)
        for client in clients:
            at, client.at = client.at, now
            if at is not None and at != now:
                groups.setdefault((at, client.names), []).append(client)
        for (at, names), group in groups.items():
            found = store.since(*at)
            if found is None or found.cursor > now[1]:
                for client in group:
                    client.at = (found.generation, found.cursor) if found else now
            if found is None:
                self._hub.publish(group, event("resync", {"why": "log", "run": key}, self._id(now)))
                continue
            points: dict[str, Any] = {"run": key, "generation": found.generation}
            points |= {"after": found.after, "cursor": found.cursor, "series": _points(store, found, names)}
            self._hub.publish(group, event("points", points, self._id((found.generation, found.cursor))))

    def _tell_events(self, key: str, entry: RunEntry, store: RunStore, watch: _Watch, clients: list[Client]) -> None:
        with store.lock:
            events = store.events
            if events.changes == watch.changes:
                return
            watch.changes = events.changes
            samples = [sample for sample in events.samples.values() if watch.samples.get(sample.id) != _marks(sample)]
            alerts = [(number, alert) for number, alert in events.alerts if number >= watch.alert_count]
            watch.samples = {sample.id: _marks(sample) for sample in events.samples.values()}
            watch.alert_count = events.alert_count
        if samples:
            found = [sample_json(sample, entry.path, key) for sample in samples[-200:]]
            self._hub.publish(clients, event("samples", {"run": key, "samples": found}))
        if alerts:
            told = [alert_json(number, alert, events, key, entry.row["name"]) for number, alert in alerts[-200:]]
            self._hub.publish(self._hub.clients, event("alerts", {"alerts": told}))
        if len(events.checkpoints) != watch.checkpoints:
            watch.checkpoints = len(events.checkpoints)
            data = {"run": key, "why": "checkpoint", "checkpoints": checkpoints_json(events, entry.path, entry.marks)}
            self._hub.publish(clients, event("run", data))

    def _tell_log(self, key: str, entry: RunEntry, watch: _Watch, clients: list[Client]) -> None:
        readers = [client for client in clients if client.log]
        if not readers:
            watch.log_at = None
            return
        path = entry.path / "logs" / "train.log"
        if watch.log_at is None:
            watch.log_at = textlog.size_of(path)
            return
        entries, watch.log_at = textlog.after(path, watch.log_at)
        if entries:
            lines = [line.as_json() for line in entries[-textlog.MOST_ENTRIES :]]
            self._hub.publish(readers, event("log", {"run": key, "lines": lines}))

    def _id(self, at: tuple[int, int]) -> str:
        return f"{self.boot}/{at[0]}:{at[1]}"


def _marks(sample: Sample) -> tuple[int, int]:
    return id(sample.record), id(sample.quality)


def _points(store: RunStore, found: NewPoints, names: tuple[str, ...]) -> dict[str, Any]:
    """The new points of each series that has any, thinned out where there are many."""
    told: dict[str, Any] = {}
    for name in names:
        new = store.new_values(found, name)
        if new is None:
            continue
        step, time_, epoch, values = new
        good = np.flatnonzero(np.isfinite(values))
        odd = np.flatnonzero(~np.isfinite(values))[:MOST_POINTS]
        if len(good) > MOST_POINTS:
            good = good[min_max(np.arange(len(good), dtype=np.float64), values[good], MOST_POINTS)]
        told[name] = {
            "step": step[good].tolist(),
            "time": time_[good].tolist(),
            "epoch": [None if math.isnan(value) else value for value in epoch[good].tolist()],
            "value": values[good].tolist(),
            "nonfinite": [[int(step[i]), float(time_[i]), None, _spelled(values[i])] for i in odd],
        }
    return told


def _spelled(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
