"""`aurl dashboard`: what it prints, and what it refuses."""

from __future__ import annotations

import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from aurl.cli import main
from aurl.dashboard import serving
from aurl.dashboard.guard import LOCAL_HOSTS
from tests.dashboard.streams import program


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "example.org"])
def test_no_way_to_the_network_without_a_token(tmp_path: Path, host: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dashboard", str(tmp_path), "--host", host, "--no-token"]) == 2
    assert f"--no-token with --host {host}: anyone on the network could read the runs" in capsys.readouterr().err


def test_a_port_that_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["dashboard", str(tmp_path), "--port", str(port)]) == 2
    assert f"--port {port}: cannot listen there" in capsys.readouterr().err


def test_an_address_of_another_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dashboard", str(tmp_path), "--host", "203.0.113.7"]) == 2
    assert "cannot listen there" in capsys.readouterr().err


def test_a_file_for_a_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.json").write_text("{}")
    assert main(["dashboard", str(tmp_path / "run.json")]) == 2
    assert "is a file; give the folder that holds runs" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["-1", "70000", "http"])
def test_a_port_that_is_none(port: str) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["dashboard", "outputs", "--port", port])
    assert caught.value.code == 2


def test_without_a_port_the_next_free_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(serving, "PORT", taken.getsockname()[1])
        with serving._listen("127.0.0.1", None) as found:
            assert found.getsockname()[1] != taken.getsockname()[1]


def test_the_key_behind_the_cookie_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    key = serving._key(tmp_path)
    assert serving._key(tmp_path) == key
    file = tmp_path / "dashboard" / "key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    assert serving._key(tmp_path) != key  # others could have read it
    file.unlink()
    file.symlink_to(tmp_path / "elsewhere")
    serving._key(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_cookies_differ_by_directory_and_port_and_tokens_by_start(tmp_path: Path) -> None:
    def access(root: str, port: int) -> serving.Access:
        return serving._access(tmp_path / root, "127.0.0.1", port, True, tmp_path)

    assert access("a", 1).cookie == access("a", 1).cookie
    assert len({access("a", 1).cookie, access("b", 1).cookie, access("a", 2).cookie}) == 3
    assert access("a", 1).token != access("a", 1).token
    assert len(access("a", 1).token or "") >= 43
    assert access("a", 1).hosts == LOCAL_HOSTS
    assert not access("a", 1).any_address
    assert serving._access(tmp_path, "0.0.0.0", 1, True, tmp_path).any_address


@pytest.mark.slow
@pytest.mark.two_process
def test_it_warns_on_the_network_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "aurl", "dashboard", str(tmp_path / "later"), "--host", "0.0.0.0", "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert server.stdout is not None
    first = server.stdout.readline()
    assert "is not there yet" in first
    while "Ctrl+C" not in first:
        first += server.stdout.readline()
    server.send_signal(signal.SIGINT)
    _, error = server.communicate(timeout=20)
    assert server.returncode == 0
    assert "token=" in first
    assert "makes the dashboard reachable for the network" in error
    assert "Traceback" not in error


@pytest.mark.slow
@pytest.mark.two_process
def test_it_needs_no_torch(tmp_path: Path) -> None:
    with program(tmp_path, tmp_path / "cache", "--port", "0") as server:
        maps = Path(f"/proc/{server.process.pid}/maps").read_text()
        assert "libtorch" not in maps
        assert server.ask("/api/runs")["runs"] == []
