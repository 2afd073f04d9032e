"""What happens when a sweep is over: its runs are compared, and the report lies beside them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import orjson
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from aurl.config.files import mask_file
from aurl.errors import AurlError
from aurl.machine.files import replace_file
from aurl.runs.listing import find_runs

SWEEP_FILE = "AURL_SWEEP_FILE"  # in the environment, so that the processes of a launcher have it too
JSON, HTML = "compare.json", "compare.html"


class CompareRuns(Callback):
    """Writes `compare.json` and `compare.html` into the folder of a sweep (`conf/hydra/aurl.yaml` names this class).

    Hydra calls it in the process that was started, whatever launcher the jobs ran with.
    """

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Tell the jobs, in whatever process they run, where Hydra writes the sweep's own file, secrets and all."""
        os.environ[SWEEP_FILE] = os.fspath(Path(config.hydra.sweep.dir).absolute() / "multirun.yaml")

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Compare the sweep's runs; what goes wrong is told, and changes no exit code."""
        folder = Path(config.hydra.sweep.dir)
        mask_sweep_file()
        os.environ.pop(SWEEP_FILE, None)
        try:
            told = write_comparison(folder)
        except AurlError as error:
            told = f"the sweep is not compared: {error}"
        except Exception as error:  # noqa: BLE001  the runs are done; a report must not make them look failed
            told = f"the sweep is not compared ({type(error).__name__}: {error}); `aurl compare {folder}` tries again"
        if told:
            sys.stderr.write(f"aurl: {told}\n")


def mask_sweep_file() -> None:
    """Mask the secrets in the sweep's own file, wherever the folders of its jobs lie; each job does it, and the end.

    Raises:
        RunError: it cannot be read or written.
    """
    path = os.environ.get(SWEEP_FILE)
    if path and Path(path).is_file():
        mask_file(Path(path))


def write_comparison(folder: Path) -> str:
    """Compare the runs of a sweep and write both files; what to tell about it, empty for a sweep of one job.

    Raises:
        AurlError: there is nothing to compare, or a package is missing.
        OSError: the files cannot be written.
    """
    if not folder.is_dir() or len(find_runs(folder)) < 2:
        return ""
    from aurl.compare.comparing import compare
    from aurl.compare.report.document import to_json

    comparison = compare([folder])
    replace_file(folder / JSON, orjson.dumps(to_json(comparison), option=orjson.OPT_INDENT_2))
    from aurl.compare.report.html import write_html

    write_html(comparison, folder / HTML)
    return f"the sweep's {len(comparison.runs)} runs compared in {folder / HTML}; `aurl compare {folder}` shows it here"
