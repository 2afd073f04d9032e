from __future__ import annotations

import pytest
import torch

from aurl.errors import ConfigError
from aurl.record import Kind
from aurl.runs.eventlog import read_records
from aurl.train.clipping import FixedClip, ZClip, clip, clipping_of
from tests.conftest import Trainer


def reference(norms: list[float], z: float, alpha: float, warmup: int) -> list[float]:
    """What ZClip leaves of each norm, in plain numbers after the formulas of the paper."""
    seen: list[float] = []
    mean = variance = 0.0
    left = []
    for norm in norms:
        if len(seen) < warmup:
            seen.append(norm)
            mean = sum(seen) / len(seen)
            variance = sum((one - mean) ** 2 for one in seen) / len(seen)
            left.append(norm)
            continue
        score = (norm - mean) / variance**0.5
        left.append(mean + z * z / score * variance**0.5 if score > z else norm)
        mean = alpha * mean + (1 - alpha) * left[-1]
        variance = alpha * variance + (1 - alpha) * (left[-1] - mean) ** 2
    return left


def test_zclip_follows_its_formulas() -> None:
    generator = torch.Generator().manual_seed(1)
    norms = (1 + 0.2 * torch.randn(60, generator=generator)).abs().tolist()
    norms[30], norms[45] = 9.0, 2.5
    clipping = ZClip(z=2.0, alpha=0.9, warmup=10, norm=0.0)
    ours = [min(norm, float(clipping.limit(torch.tensor(norm)))) for norm in norms]
    assert ours == pytest.approx(reference(norms, 2.0, 0.9, 10), rel=1e-4)
    assert ours[30] < 2.0


def test_zclip_learns_nothing_from_what_is_not_finite() -> None:
    one, other = ZClip(warmup=2, norm=0.0), ZClip(warmup=2, norm=0.0)
    for value in (1.0, float("nan"), 1.5, float("inf"), 1.2):
        one.limit(torch.tensor(value))
    for value in (1.0, 1.5, 1.2):
        other.limit(torch.tensor(value))
    assert [float(value) for value in one.tensors().values()] == [float(value) for value in other.tensors().values()]
    assert all(value.isfinite() for value in one.tensors().values())


def test_the_largest_norm_holds_in_any_case() -> None:
    clipping = ZClip(warmup=2, norm=0.5)
    assert [float(clipping.limit(torch.tensor(value))) for value in (3.0, 3.0, 3.0)] == [0.5, 0.5, 0.5]


def test_a_gradient_is_scaled_down_to_the_limit_as_torch_does_it() -> None:
    ours, torchs = (torch.nn.Parameter(torch.zeros(3)) for _ in range(2))
    for parameter in (ours, torchs):
        parameter.grad = torch.tensor([3.0, 4.0, 0.0])
    norm = torch.nn.utils.clip_grad_norm_([torchs], 2.0)
    share = clip([ours], norm, FixedClip(norm=2.0).limit(norm))
    assert ours.grad is not None
    assert torchs.grad is not None
    assert torch.equal(ours.grad, torchs.grad)
    assert share is not None
    assert float(share) == pytest.approx(0.6)
    assert clip([ours], norm, FixedClip(norm=0.0).limit(norm)) is None
    assert torch.equal(ours.grad, torchs.grad)


@pytest.mark.parametrize("bad", [{"z": 0.0}, {"alpha": 1.0}, {"warmup": 1}, {"norm": -1.0}])
def test_values_out_of_range_name_the_key(bad: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"trainer.clip.{next(iter(bad))}="):
        ZClip(**bad)  # type: ignore[arg-type]


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(ConfigError, match=r"trainer\.clip=zlip: allowed is fixed \| zclip.* Did you mean 'zclip'"):
        clipping_of("zlip", 1.0)


def test_a_run_that_clips_by_its_own_gradients_logs_the_share_and_resumes_to_the_same(train: Trainer) -> None:
    plan = (
        "trainer.steps=6",
        "model.adversarial_every=1",
        "trainer.eval_every=3",
        "trainer.clip={_target_:aurl.train.clipping.ZClip,warmup:2,z:0.1,norm:0}",
    )

    def found(outcome: object) -> dict[int, tuple[float, ...]]:
        return {
            one.step: tuple(one.scalars[name] for name in ("loss/total", "grad/clip_share", "grad/clip_share_disc"))
            for one in read_records(outcome.folder)  # type: ignore[attr-defined]
            if one.kind is Kind.STEP
        }

    whole = train("clipped", *plan)
    before = found(whole)
    assert any(shares[1] > 0 for shares in before.values())
    again = train("clipped", *plan, f"resume='{whole.folder / 'checkpoints' / 'step_00000003'}'")
    assert found(again) == before
