"""Makes a process, and those that it starts, look like one on Windows or macOS to aurl, as far as Linux can show it.

What these systems lack is hidden from the modules of aurl alone: calls of `os`, signals, whole modules, `/proc`; other
packages bring their own versions for each system. What Windows forbids is forbidden to everybody: to rename or remove a
file that is open or a folder that holds one, letters that no name may have there, links; and text files need a named
encoding, since its own is not UTF-8. `msvcrt`, which Windows has instead of `fcntl`, is there in its place.
"""

from __future__ import annotations

import builtins
import errno
import fcntl
import io
import os
import signal
import sys
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
POSIX_CALLS = [
    "O_CLOEXEC",
    "O_NOFOLLOW",
    "O_NONBLOCK",
    "O_DIRECTORY",
    "O_SYNC",
    "O_DSYNC",
    "chown",
    "fchmod",
    "fchown",
    "fork",
    "forkpty",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getloadavg",
    "getpgid",
    "getpriority",
    "getuid",
    "initgroups",
    "killpg",
    "lchown",
    "mkfifo",
    "mknod",
    "nice",
    "openpty",
    "posix_fadvise",
    "pread",
    "preadv",
    "pwrite",
    "pwritev",
    "register_at_fork",
    "sched_getaffinity",
    "sched_setaffinity",
    "sendfile",
    "set_blocking",
    "get_blocking",
    "setpgid",
    "setpriority",
    "setsid",
    "setuid",
    "statvfs",
    "sync",
    "sysconf",
    "uname",
    "wait",
    "wait3",
    "wait4",
    "waitid",
    "WNOHANG",
    "fdatasync",
    "posix_spawn",
    "getsid",
    "tcgetpgrp",
]
LINUX_CALLS = [
    "sched_getaffinity",
    "sched_setaffinity",
    "posix_fadvise",
    "fdatasync",
    "memfd_create",
    "copy_file_range",
]
POSIX_SIGNALS = [
    "SIGHUP",
    "SIGUSR1",
    "SIGUSR2",
    "SIGALRM",
    "SIGKILL",
    "SIGCHLD",
    "SIGPIPE",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGQUIT",
    "pause",
    "alarm",
    "setitimer",
    "pthread_sigmask",
    "pthread_kill",
    "sigwait",
    "sigpending",
    "siginterrupt",
]
POSIX_MODULES = ["fcntl", "grp", "pty", "pwd", "resource", "termios", "tty", "syslog", "posix", "curses", "readline"]
FORBIDDEN_IN_NAMES = '<>:"|?*'


def environment(system: str, folder: Path) -> dict[str, str]:
    """Variables under which Python, and each Python that it starts, hides what that system has not.

    Args:
        folder: an empty one, for the file that Python runs at its start.
    """
    (folder / "sitecustomize.py").write_text(f"from tests.other_systems import hide\nhide({system!r})\n")
    path = os.pathsep.join([str(folder), str(ROOT)])
    return {**os.environ, "PYTHONPATH": path, "PYTHONWARNDEFAULTENCODING": "1"}


def hide(system: str) -> None:
    """Make this process look like one on that system to the modules of aurl that are imported from now on."""
    assert "aurl.machine.portable" not in sys.modules
    import psutil  # noqa: F401  it reads /proc here and asks the system there

    windows = system == "windows"
    calls = POSIX_CALLS if windows else LINUX_CALLS
    stand_ins: dict[str, types.ModuleType] = {
        "os": _without(os, calls),
        "signal": _without(signal, POSIX_SIGNALS if windows else []),
        "sys": _without(sys, [], platform="win32" if windows else "darwin"),
    }
    if windows:
        stand_ins["os"].open = _open_fd  # type: ignore[attr-defined]
        stand_ins["msvcrt"] = _msvcrt()
    _hide_modules(stand_ins, POSIX_MODULES if windows else [])
    _hide_proc()
    if windows:
        _forbid_what_windows_forbids()
        warnings.filterwarnings("error", category=EncodingWarning, module=r"aurl(\.|$)")


def _without(module: types.ModuleType, names: list[str], **changed: Any) -> types.ModuleType:
    stand_in = types.ModuleType(module.__name__)
    stand_in.__dict__.update({name: value for name, value in vars(module).items() if name not in names})
    if module is not sys:
        stand_in.__dict__.update(changed)
        return stand_in

    class Sys(types.ModuleType):
        """`sys` changes as the program runs."""

        def __getattr__(self, name: str) -> Any:
            return changed[name] if name in changed else getattr(sys, name)

        def __setattr__(self, name: str, value: Any) -> None:
            setattr(sys, name, value)

    return Sys("sys")


def _hide_modules(stand_ins: dict[str, types.ModuleType], missing: list[str]) -> None:
    real = builtins.__import__

    def importing(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        if level == 0 and str((globals or {}).get("__name__", "")).partition(".")[0] == "aurl":
            if name in missing:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            if name in stand_ins:
                return stand_ins[name]
        return real(name, globals, locals, fromlist, level)

    builtins.__import__ = importing


def _msvcrt() -> types.ModuleType:
    module = types.ModuleType("msvcrt")

    def locking(fd: int, mode: int, size: int) -> None:
        assert mode == 2
        assert size == 1
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PermissionError(errno.EACCES, "Permission denied") from None

    module.__dict__.update(LK_NBLCK=2, locking=locking, kbhit=lambda: False)
    return module


def _open_fd(path: Any, flags: int, mode: int = 0o777) -> int:
    if Path(path).is_dir():
        raise PermissionError(errno.EACCES, "Permission denied", str(path))
    return os.open(path, flags, mode)


def _asked_by_aurl() -> bool:
    frame = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__", "") in {"pathlib", "shutil", "io", "posixpath"}:
        frame = frame.f_back  # type: ignore[assignment]
    return frame is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] == "aurl"


def _hide_proc() -> None:
    def hidden(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(path, (str, Path)) and str(path).startswith(("/proc", "/sys/")) and _asked_by_aurl():
                raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(path))
            return real(path, *args, **kwargs)

        return call

    io.open = builtins.open = hidden(builtins.open)  # type: ignore[assignment]
    os.readlink, os.stat, os.listdir, os.scandir = map(  # type: ignore[assignment]
        hidden, (os.readlink, os.stat, os.listdir, os.scandir)
    )


def _forbid_what_windows_forbids() -> None:
    readlink, scandir, opened, mkdir, os_open = os.readlink, os.scandir, builtins.open, os.mkdir, os.open

    def in_use() -> set[str]:
        found = set()
        for entry in list(scandir("/proc/self/fd")):
            try:
                found.add(readlink(entry.path))
            except OSError:
                continue
        return found

    def refuse_open_ones(*paths: Any) -> None:
        held = in_use()
        for path in paths:
            real = os.path.realpath(path)
            if any(name == real or name.startswith(f"{real}/") for name in held):
                raise PermissionError(errno.EACCES, "The process cannot access the file because it is being used", real)

    def guarded(real: Callable[..., Any], number: int, *, onto_nothing: bool = False) -> Callable[..., Any]:
        def call(*paths: Any, **kwargs: Any) -> Any:
            if kwargs.get("dir_fd") is None and kwargs.get("src_dir_fd") is None:
                refuse_open_ones(*paths[:number])
                for path in paths[1:number]:
                    check_name(path)
                    if onto_nothing and os.path.lexists(path):
                        raise FileExistsError(errno.EEXIST, "File exists", str(path))
            return real(*paths, **kwargs)

        return call

    def check_name(path: Any) -> None:
        name = Path(path).name if isinstance(path, (str, Path)) else ""
        if any(letter in name for letter in FORBIDDEN_IN_NAMES) or name.endswith((" ", ".")):
            raise OSError(errno.EINVAL, "The filename, directory name, or volume label syntax is incorrect", str(path))

    def opening(path: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if set(mode) & set("wax"):
            check_name(path)
        return opened(path, mode, *args, **kwargs)

    def opening_fd(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        if flags & os.O_CREAT:
            check_name(path)
        return os_open(path, flags, *args, **kwargs)

    def making(path: Any, *args: Any, **kwargs: Any) -> None:
        check_name(path)
        mkdir(path, *args, **kwargs)

    def linking(*_: Any, **__: Any) -> None:
        raise OSError(errno.EPERM, "A required privilege is not held by the client")

    os.replace, os.rename = guarded(os.replace, 2), guarded(os.rename, 2, onto_nothing=True)
    os.unlink, os.remove, os.rmdir = guarded(os.unlink, 1), guarded(os.remove, 1), guarded(os.rmdir, 1)
    os.mkdir, os.symlink, os.open = making, linking, opening_fd  # type: ignore[assignment]
    io.open = builtins.open = opening  # type: ignore[assignment]
