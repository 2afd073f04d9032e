"""`posterior_collapse`: the latent code carries nothing, the decoder models the data alone."""

from __future__ import annotations

from collections.abc import Iterable

from aurl.anomaly.base import Rule, require
from aurl.anomaly.statistics.blocks import median
from aurl.anomaly.statistics.roles import Role
from aurl.record import Record, Severity

_ACTIVE_UNITS, _DIVERGENCE = Role.ACTIVE_UNITS, Role.KL
_KL = 0.05  # nats per sequence
_ACTIVE = 0.1  # share of latent dimensions
_HOLD = 30  # observations after the code was in use
_NEVER = 100  # observations where it never was
_USED = 5.0  # times the threshold: the code was in use
_GROWS = 1.1
_COARSE = 10  # an epoch counts for so many observations
_CRITICAL = 10  # times as long


class PosteriorCollapse(Rule):
    """The KL divergence of a VAE in nats, and the share of its active latent dimensions.

    Collapsed is a KL below 0.05 nats or fewer than a tenth of the dimensions active. A warning when that lasts 30
    observations after the code was in use, or 100 from the start without growing; critical after ten times as long.
    Only judged where the log shows that a VAE is trained: a reconstruction loss, a KL weight or active units beside the
    KL (the KL to a reference model in reinforcement learning begins at 0).

    Args:
        warmup: observations before anything is told, at least 2.
        zscore: 5 for what is said above; in proportion for other values.
    """

    type = "posterior_collapse"
    needs = frozenset({Role.KL, Role.ACTIVE_UNITS})
    memory = ("_low", "_used", "_onset", "_recent", "_seen")

    def __init__(self, *, warmup: int = 16, zscore: float = 5.0) -> None:
        super().__init__(zscore)
        require("warmup", warmup, warmup >= 2, "2 or more")
        self.warmup = warmup
        self._low = self._onset = self._seen = 0
        self._used = False
        self._recent: list[float] = []  # the last values of whatever is judged, to see whether they grow

    def look(self, record: Record) -> Iterable[Record]:
        context = self.context
        active = context.value(_ACTIVE_UNITS)
        divergence = context.value(_DIVERGENCE)
        if active is None and not (context.has(Role.KL_WEIGHT) or context.has(Role.LOSS_PART)):
            return ()
        if active is None and divergence is None:
            return ()
        self._seen += 1
        unused = (divergence is not None and divergence < _KL / self.scale) or (
            active is not None and active < _ACTIVE / self.scale
        )
        if not unused:
            self._low = 0
            in_use = (divergence is None or divergence > _USED * _KL) and (active is None or active > 2 * _ACTIVE)
            self._used = self._used or (in_use and self._seen > self.warmup)
            return ()
        if not self._low:
            self._onset = record.step
        self._low += _COARSE if context.coarse else 1
        self._recent = [*self._recent[-39:], active if active is not None else divergence or 0.0]
        if self._low < (_HOLD if self._used else _NEVER) or self._grows():
            return ()
        return (self._tell(divergence, active),)

    def _grows(self) -> bool:
        values = self._recent
        return len(values) >= 20 and median(values[-10:]) > _GROWS * median(values[:10])

    def _tell(self, divergence: float | None, active: float | None) -> Record:
        settings, context = self.settings, self.context
        weight = context.last(Role.KL_WEIGHT)
        said = [f"KL {divergence:.3g} nats"] if divergence is not None else []
        said += [f"{100 * active:.0f} % of the latent dimensions active"] if active is not None else []
        free = settings.value("free_bits")
        role = Role.ACTIVE_UNITS if divergence is None else Role.KL
        return self.found(
            Severity.CRITICAL if self._low >= _CRITICAL * _HOLD else Severity.WARNING,
            f"the latent code is not used: {', '.join(said)}",
            metric=context.name(role),
            value=divergence if divergence is not None else active or 0.0,
            expected=(_KL, None) if divergence is not None else (_ACTIVE, None),
            suggestions=(
                settings.scale("free_bits", 2.0) if free else settings.put("free_bits", 0.1),
                settings.scale("beta", 0.3, weight),
                settings.scale("beta_warmup_steps", 3.0),
                settings.put("word_dropout", 0.3, "a weaker decoder needs the code"),
            ),
            onset_step=self._onset,
        )
