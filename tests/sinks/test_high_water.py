from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from aurl.record import Kind, Record
from aurl.sinks import high_water as shown
from aurl.sinks.high_water import Shown


def at(time: float, kind: Kind = Kind.STEP) -> Record:
    return Record(kind, 1, {}, {}, time)


def news(state: Shown, *times: float) -> list[float]:
    return [time for time in times if not state.has(at(time))]


def test_a_run_that_begins_is_all_news() -> None:
    assert news(Shown(None), 3.0, 1.0, 2.0) == [3.0, 1.0, 2.0]


@given(st.lists(st.floats(0, 1e10), min_size=1, unique=True), st.data())
def test_what_comes_after_the_last_one_is_news_and_nothing_before(times: list[float], data: st.DataObject) -> None:
    times.sort()
    cut = data.draw(st.integers(0, len(times) - 1))
    assert news(Shown(times[cut]), *times) == times[cut + 1 :]


def test_after_the_last_one_a_clock_set_back_hides_nothing() -> None:
    assert news(Shown(20.0), 10.0, 20.0, 5.0, 6.0) == [5.0, 6.0]


def test_records_of_one_time_are_shown_once() -> None:
    assert news(Shown(2.0), 1.0, 2.0, 2.0, 3.0) == [3.0]


def test_notes_after_the_end_begin_no_session() -> None:
    state = Shown(2.0)
    assert state.has(at(2.0, Kind.END))
    assert state.has(at(3.0, Kind.NOTE))
    assert not state.has(at(4.0, Kind.START))
    assert not state.has(at(5.0, Kind.NOTE))


def test_it_is_kept_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "sink" / "shown"
    assert news(shown.read(path), 0.1) == [0.1]
    shown.write(path, at(0.1 + 0.2))
    assert news(shown.read(path), 0.1, 0.1 + 0.2, 0.4) == [0.4]
    path.write_text("no number")
    assert news(shown.read(path), 0.1) == [0.1]
