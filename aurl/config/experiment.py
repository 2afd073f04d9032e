"""What `conf/train.yaml` holds at its top level, and of which kind the object is that each node makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aurl.anomaly.detection import Detection
from aurl.data.module import MusicData
from aurl.models.base import MusicModel
from aurl.sinks.base import Sink
from aurl.sinks.textlog import TextLog
from aurl.train.checkpointer import Checkpointer
from aurl.train.optim import Optimisation
from aurl.train.part import Part
from aurl.train.pictures.base import Picture
from aurl.train.sampler import Sampler
from aurl.train.scoring import Scoring
from aurl.train.trainer import Trainer


class Paths:
    """The node `paths`.

    Args:
        outputs: the folder of all runs.
    """

    def __init__(self, *, outputs: str) -> None:
        self.outputs = outputs


class Experiment:
    """The top level of a config. Its annotations decide what a `_target_` may name at each place.

    Args:
        name: of the experiment; its runs lie in a folder of this name.
        paths: where runs go.
        data: batches.
        model: what is trained.
        optim: optimisers and the learning rate over time.
        trainer: how long, and on what.
        checkpoint: which checkpoints there are.
        sample: music drawn from the model while it trains.
        quality: scores of that music.
        anomaly: what watches the run.
        textlog: the text log, which is always written.
        logging: sinks by name; null leaves one out.
        notify: sinks that tell people, by name.
        pictures: pictures of the training, by name.
        parts: further parts of the loop, by name, see `aurl.train.part`.
        tags: words to find the run by.
        seed: of everything that is random.
        resume: a run directory, a run id, a checkpoint directory, `latest`, or the folder of a sweep.
        retry_failed: of a sweep that goes on: whether jobs that failed begin anew.
        probe_seconds: between two samples of memory, CPU and GPU; 0 for none.
        profile: torch.profiler over the whole run.
        report: report.html and report.md when the run ends.
        show_config: print the configuration before the run.
    """

    def __init__(
        self,
        *,
        name: str,
        paths: Paths,
        data: MusicData,
        model: MusicModel,
        optim: Optimisation,
        trainer: Trainer,
        checkpoint: Checkpointer,
        sample: Sampler,
        quality: Scoring,
        anomaly: Detection,
        textlog: TextLog,
        logging: Mapping[str, Sink | None] | None = None,
        notify: Mapping[str, Sink | None] | None = None,
        pictures: Mapping[str, Picture | None] | None = None,
        parts: Mapping[str, Part | None] | None = None,
        tags: Sequence[str] = (),
        seed: int = 1,
        resume: str | None = None,
        retry_failed: bool = False,
        probe_seconds: float = 5.0,
        profile: bool = False,
        report: bool = True,
        show_config: bool = False,
    ) -> None:
        self.name, self.paths, self.data, self.model, self.optim = name, paths, data, model, optim
        self.trainer, self.checkpoint, self.sample, self.quality = trainer, checkpoint, sample, quality
        self.anomaly, self.textlog, self.logging, self.notify = anomaly, textlog, logging or {}, notify or {}
        self.pictures, self.parts = pictures or {}, parts or {}
        self.tags, self.seed, self.resume, self.retry_failed = tuple(tags), seed, resume, retry_failed
        self.probe_seconds, self.profile, self.report = probe_seconds, profile, report
        self.show_config = show_config
