"""How often detectors alarm on healthy trainings, of many kinds and with the names that people give their metrics.

    python -m benchmarks.healthy_loops [--seeds 3] [--steps 1500] [--only ppo] [--set zscore=3]

Each loop is a real training of a small model, written as its users write it: what is logged how often, under which
name, with which schedule, differs from loop to loop. All of them learn. Printed are the alarms, from warning up, in
10,000 steps; the aim is at most 0.5.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

from aurl.anomaly.chosen import choose_watch
from aurl.record import Kind, Record


class Logged(NamedTuple):
    """What a loop logs at a step, of this kind."""

    step: int
    scalars: dict[str, float]
    kind: Kind = Kind.STEP


Loop = Callable[[int], Iterator[Logged]]
_DIGITS = load_digits()
_X = torch.tensor(_DIGITS.data, dtype=torch.float32) / 16.0
_Y = torch.tensor(_DIGITS.target)
_TRAIN, _HELD = slice(0, 1400), slice(1400, None)


def mlp(*sizes: int, act: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers with something between them."""
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), act()]
    return nn.Sequential(*layers[:-1])


def batch(size: int, of: int = 1400) -> Tensor:
    """Indices of a random batch of the training digits."""
    return torch.randint(0, of, (size,))


def norm(net: nn.Module) -> float:
    """The gradient norm."""
    return float(torch.stack([p.grad.detach().norm() for p in net.parameters() if p.grad is not None]).norm())


def update(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step of an optimiser."""
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def classifier(
    steps: int,
    rate: Callable[[int, int], float],
    *,
    size: Callable[[int], int] = lambda step: 32,
    loss_of: Callable[[nn.Module, Tensor, int], Tensor] | None = None,
    logs_rate: bool = True,
    every: Callable[[int], bool] = lambda step: True,
    evaluates: int = 0,
    optimiser: str = "AdamW",
) -> Iterator[Logged]:
    """Digits, with a schedule, a batch size for each step, and a rhythm of logging."""
    net = mlp(64, 64, 64, 10)
    opt = getattr(torch.optim, optimiser)(net.parameters(), lr=1.0, weight_decay=0.0005 if optimiser == "SGD" else 0.1)
    for step in range(1, steps + 1):
        opt.param_groups[0]["lr"] = rate(step, steps)
        at = batch(size(step))
        loss = loss_of(net, at, step) if loss_of else F.cross_entropy(net(_X[at]), _Y[at])
        update(opt, loss)
        if every(step):
            logged = {"loss": loss.item(), "grad_norm": norm(net)}
            yield Logged(step, logged | ({"lr": rate(step, steps)} if logs_rate else {}))
        if evaluates and step % evaluates == 0:
            with torch.no_grad():
                held = F.cross_entropy(net(_X[_HELD]), _Y[_HELD])
            yield Logged(step, {"val_loss": float(held)}, Kind.EVAL)


def constant(rate: float) -> Callable[[int, int], float]:
    return lambda step, steps: rate


def cosine(peak: float, floor: float = 0.0, warmup: int = 50) -> Callable[[int, int], float]:
    def rate(step: int, steps: int) -> float:
        if step < warmup:
            return peak * step / warmup
        return floor + (peak - floor) * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))

    return rate


def restarts(peak: float, length: int) -> Callable[[int, int], float]:
    return lambda step, steps: peak * 0.5 * (1.0 + math.cos(math.pi * (step % length) / length))


def staircase(peak: float) -> Callable[[int, int], float]:
    return lambda step, steps: peak * 0.1 ** int(3 * step / (steps + 1))


def mixed(net: nn.Module, at: Tensor, step: int) -> Tensor:
    """Mixup on half of the batches."""
    if torch.rand(()) < 0.5:
        return F.cross_entropy(net(_X[at]), _Y[at])
    other, share = at.flip(0), float(torch.rand(()))
    out = net(share * _X[at] + (1 - share) * _X[other])
    return share * F.cross_entropy(out, _Y[at]) + (1 - share) * F.cross_entropy(out, _Y[other])


def harder(net: nn.Module, at: Tensor, step: int) -> Tensor:
    """A curriculum: few classes first, then more, then noise."""
    stage = step // 400
    at = torch.arange(1400)[_Y[_TRAIN] < min(10, 3 + 3 * stage)][batch(32, 400)]
    return F.cross_entropy(net(_X[at] + 0.1 * stage * torch.randn(32, 64)), _Y[at])


def noisier(net: nn.Module, at: Tensor, step: int) -> Tensor:
    """A gentle one: a little more noise in each of five stages, and never too little."""
    return F.cross_entropy(net(_X[at] + (0.4 + 0.03 * (step // 300)) * torch.randn(len(at), 64)), _Y[at])


def noisy(net: nn.Module, at: Tensor, step: int) -> Tensor:
    """Noise that cannot be learnt by heart."""
    return F.cross_entropy(net(_X[at] + 0.4 * torch.randn(len(at), 64)), _Y[at])


def staged(steps: int) -> Iterator[Logged]:
    """The steep one, whose log tells the stage."""
    for logged in classifier(steps, constant(1e-3), loss_of=harder):
        yield logged._replace(scalars=logged.scalars | {"curriculum/stage": float(logged.step // 400)})


def regression(steps: int) -> Iterator[Logged]:
    """A smooth function learnt until almost nothing is left of the loss."""
    net = mlp(1, 64, 64, 1, act=nn.Tanh)
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    for step in range(1, steps + 1):
        x = 4 * torch.rand(64, 1) - 2
        loss = F.mse_loss(net(x), torch.sin(2 * x))
        update(opt, loss)
        yield Logged(step, {"train/mse": loss.item()})


def vae(steps: int, annealed: bool = True) -> Iterator[Logged]:
    enc, dec = mlp(64, 64, 16), mlp(8, 64, 64)
    opt = torch.optim.Adam([*enc.parameters(), *dec.parameters()], lr=1e-3)
    for step in range(1, steps + 1):
        x = _X[batch(64)]
        mean, logvar = enc(x).chunk(2, -1)
        recon = F.mse_loss(dec(mean + torch.randn_like(mean) * (0.5 * logvar).exp()), x, reduction="sum") / 64
        kl = -0.5 * (1 + logvar - mean**2 - logvar.exp()).sum() / 64
        beta = min(1.0, step / 600) * 0.2 if annealed else 0.2
        update(opt, recon + beta * kl)
        yield Logged(step, {"loss": float(recon + beta * kl), "recon_loss": float(recon), "kl_loss": float(kl)})


def gan(steps: int, names: tuple[str, str], kind: str = "vanilla") -> Iterator[Logged]:
    """Points on a ring."""
    maker, judge = mlp(4, 64, 64, 2), mlp(2, 64, 64, 1, act=lambda: nn.LeakyReLU(0.2))  # type: ignore[arg-type]
    og = torch.optim.Adam(maker.parameters(), lr=5e-4, betas=(0.5, 0.9))
    od = torch.optim.Adam(judge.parameters(), lr=5e-4, betas=(0.5, 0.9))
    for step in range(1, steps + 1):
        angle = 2 * math.pi * torch.randint(0, 8, (64,)) / 8
        real = torch.stack([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(64, 2)
        fake = maker(torch.randn(64, 4))
        r, f = judge(real), judge(fake.detach())
        if kind == "wasserstein":
            mix = (0.5 * (real + fake.detach())).requires_grad_()
            [g] = torch.autograd.grad(judge(mix).sum(), mix, create_graph=True)
            d_loss = f.mean() - r.mean() + 10 * ((g.norm(2, 1) - 1) ** 2).mean()
        else:
            d_loss = F.softplus(-r).mean() + F.softplus(f).mean()
        update(od, d_loss)
        out = judge(maker(torch.randn(64, 4)))
        g_loss = -out.mean() if kind == "wasserstein" else F.softplus(-out).mean()
        update(og, g_loss)
        yield Logged(step, {names[0]: float(g_loss), names[1]: float(d_loss)})


def diffusion(steps: int) -> Iterator[Logged]:
    net = mlp(65, 128, 128, 64)
    opt = torch.optim.AdamW(net.parameters(), lr=1e-3)
    for step in range(1, steps + 1):
        x, t, noise = _X[batch(32)] * 2 - 1, torch.rand(32, 1), torch.randn(32, 64)
        level = torch.cos(0.5 * math.pi * t)
        noisy = level * x + (1 - level**2).sqrt() * noise
        loss = F.mse_loss(net(torch.cat([noisy, t], 1)), noise)
        update(opt, loss)
        yield Logged(step, {"train_loss_step": loss.item(), "global_step": float(step)})


def contrastive(steps: int) -> Iterator[Logged]:
    net = mlp(64, 64, 16)
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    for step in range(1, steps + 1):
        x = _X[batch(64)]
        a, b = (F.normalize(net(x + 0.2 * torch.randn_like(x)), dim=1) for _ in range(2))
        loss = F.cross_entropy(a @ b.T / 0.2, torch.arange(64))
        update(opt, loss)
        yield Logged(step, {"info_nce": loss.item(), "contrastive_loss": loss.item(), "lr-Adam": 1e-3})


def density(steps: int) -> Iterator[Logged]:
    """A likelihood of continuous data, which falls below 0."""
    net = mlp(1, 32, 2)
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    for step in range(1, steps + 1):
        x = 2 * torch.rand(64, 1) - 1
        y = x**3 + 0.05 * torch.randn(64, 1)
        mean, log_sd = net(x).chunk(2, 1)
        loss = (0.5 * ((y - mean) / log_sd.exp()) ** 2 + log_sd).mean()
        update(opt, loss)
        yield Logged(step, {"nll": loss.item()})


def log_prob(x: Tensor, mean: Tensor, log_sd: Tensor) -> Tensor:
    """Of independent normal numbers, up to a constant."""
    return (-0.5 * ((x - mean) / log_sd.exp()) ** 2 - log_sd).sum(1)


def ppo(steps: int) -> Iterator[Logged]:
    """Move a point to its goal: 64 ways of 16 moves for each update."""
    actor, critic, log_sd = mlp(4, 32, 2, act=nn.Tanh), mlp(4, 32, 1, act=nn.Tanh), nn.Parameter(torch.zeros(2))
    opt = torch.optim.Adam([*actor.parameters(), *critic.parameters(), log_sd], lr=1e-3)
    for step in range(1, steps // 4 + 1):
        state = torch.cat([torch.zeros(64, 2), 2 * torch.rand(64, 2) - 1], 1)
        seen, acts, rewards = [], [], []
        with torch.no_grad():
            for _ in range(16):
                act = actor(state) + torch.randn(64, 2) * log_sd.exp()
                seen.append(state)
                acts.append(act)
                state = torch.cat([state[:, :2] + 0.2 * act.clamp(-1, 1), state[:, 2:]], 1)
                rewards.append(-(state[:, :2] - state[:, 2:]).norm(2, 1))
            returns = torch.stack(rewards).flip(0).cumsum(0).flip(0).flatten()
            s, a = torch.cat(seen), torch.cat(acts)
            before = log_prob(a, actor(s), log_sd)
            advantage = returns - critic(s)[:, 0]
            explained = 1 - float(advantage.var() / returns.var())
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        for _ in range(4):
            ratio = (log_prob(a, actor(s), log_sd) - before).exp()
            policy = -torch.min(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage).mean()
            value, entropy = F.mse_loss(critic(s)[:, 0], returns), (log_sd + 0.5 * math.log(2 * math.pi * math.e)).sum()
            update(opt, policy + 0.5 * value - 0.01 * entropy)
        logged = {
            "losses/policy_loss": policy, "losses/value_loss": value, "losses/entropy": entropy,
            "losses/approx_kl": ((ratio - 1) - ratio.log()).mean(),
            "charts/episodic_return": torch.stack(rewards).sum(0).mean(),
        }  # fmt: skip
        yield Logged(step * 1024, {k: v.item() for k, v in logged.items()} | {"losses/explained_variance": explained})


def dqn(steps: int) -> Iterator[Logged]:
    """Values of a walk towards the right end: what is to be learnt grows with what is known."""
    net, target = mlp(8, 32, 2), mlp(8, 32, 2)
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    place, reward_sum, length = 0, 0.0, 0
    shown = {"reward": 0.0, "episode_length": 0.0}
    for step in range(1, steps + 1):
        s = torch.randint(0, 8, (32,))
        a = torch.randint(0, 2, (32,))
        to = (s + 2 * a - 1).clamp(0, 7)
        reward = (to == 7).float() + 0.3 * torch.randn(32)
        with torch.no_grad():
            wanted = reward + 0.95 * target(F.one_hot(to, 8).float()).max(1)[0]
        loss = F.smooth_l1_loss(net(F.one_hot(s, 8).float()).gather(1, a[:, None])[:, 0], wanted)
        update(opt, loss)
        if step % 100 == 0:
            target.load_state_dict(net.state_dict())
        right = torch.rand(()) > max(0.05, 1 - step / 500) * 0.5
        place = min(7, max(0, place + (1 if right else -1)))
        length += 1
        reward_sum += float(place == 7)
        if length == 20:
            shown = {"reward": reward_sum, "episode_length": 20.0}
            place, reward_sum, length = 0, 0.0, 0
        yield Logged(step, {"loss": loss.item(), **shown, "epsilon": max(0.05, 1 - step / 500)})


def language(steps: int) -> Iterator[Logged]:
    """Characters of a text, one sequence a step."""
    text = torch.tensor([ord(c) % 64 for c in (__doc__ or "") * 8])
    emb, net = nn.Embedding(64, 32), mlp(128, 128, 64)
    opt = torch.optim.AdamW([*emb.parameters(), *net.parameters()], lr=2e-3)
    for step in range(1, steps + 1):
        at = torch.randint(0, len(text) - 5, (16,))
        loss = F.cross_entropy(net(emb(torch.stack([text[at + i] for i in range(4)], 1)).flatten(1)), text[at + 4])
        update(opt, loss)
        yield Logged(step, {"train_loss": loss.item(), "ppl": math.exp(loss.item()), "tokens_per_sec": 1e5})


def epochs(steps: int) -> Iterator[Logged]:
    """Fifty epochs, one line each."""
    net = mlp(64, 32, 10)
    opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-3)
    for epoch in range(1, 51):
        total = 0.0
        for at in torch.split(torch.randperm(1400), 64):
            loss = F.cross_entropy(net(_X[at]), _Y[at], label_smoothing=0.1)
            update(opt, loss)
            total += loss.item() * len(at) / 1400
        with torch.no_grad():
            held = F.cross_entropy(net(_X[_HELD]), _Y[_HELD], label_smoothing=0.1)
        yield Logged(epoch, {"loss": total, "val_loss": float(held)}, Kind.EPOCH)


def scaled(steps: int) -> Iterator[Logged]:
    """Mixed precision: the loss scale doubles now and then, overflows, and halves."""
    scale = 65536.0
    for logged in classifier(steps, cosine(1e-3)):
        scale *= 2.0 if logged.step % 200 == 0 else 0.5 if logged.step % 200 == 3 and logged.step > 200 else 1.0
        over = {"grad_norm": math.inf} if logged.step % 200 == 3 and logged.step > 200 else {}
        yield logged._replace(scalars=logged.scalars | {"loss_scale": scale} | over)


def finetuned(steps: int) -> Iterator[Logged]:
    """A model that knows most already; the rate falls to 0."""
    net = mlp(64, 64, 10)
    opt = torch.optim.AdamW(net.parameters(), lr=2e-3)
    for step in range(1, 151 + steps):
        at = batch(32)
        loss = F.cross_entropy(net(_X[at] + 0.4 * torch.randn(32, 64)), _Y[at])
        opt.param_groups[0]["lr"] = rate = 2e-3 if step <= 150 else 2e-4 * (1 - (step - 151) / steps)
        update(opt, loss)
        if step > 150:
            yield Logged(step - 150, {"loss": loss.item(), "learning_rate": rate, "epoch": (step - 150) / 100})


def resumed(steps: int) -> Iterator[Logged]:
    """Goes on at half of its steps."""
    for logged in classifier(steps, cosine(1e-3, 1e-4)):
        if logged.step > steps // 2:
            yield logged


def two_tasks(steps: int) -> Iterator[Logged]:
    """Two data sets in turn, one much harder; and their sum."""
    net, text = mlp(64, 64, 10), mlp(64, 32, 1)
    opt = torch.optim.Adam([*net.parameters(), *text.parameters()], lr=1e-3)
    for step in range(1, steps + 1):
        at = batch(16)
        a, b = F.cross_entropy(net(_X[at]), _Y[at]), 3 * F.mse_loss(text(_X[at])[:, 0], _Y[at].float() / 3)
        update(opt, a + b)
        yield Logged(step, {"class_loss": float(a), "age_loss": float(b), "total_loss": float(a + b)})


KINDS: dict[str, Loop] = {
    "constant rate": lambda n: classifier(n, constant(1e-3)),
    "SGD without a logged rate": lambda n: classifier(n, constant(0.1), logs_rate=False, optimiser="SGD"),
    "cosine to 0": lambda n: classifier(n, cosine(2e-3), evaluates=50),
    "warm restarts": lambda n: classifier(n, restarts(5e-3, 300), evaluates=50),
    "warm restarts, rate not logged": lambda n: classifier(n, restarts(5e-3, 300), logs_rate=False, evaluates=50),
    "staircase": lambda n: classifier(n, staircase(5e-3)),
    "curriculum": lambda n: classifier(n, constant(1e-3), loss_of=noisier, evaluates=50),
    "curriculum, its stage logged": staged,
    "batch size grows": lambda n: classifier(n, constant(1e-3), size=lambda step: 4 if step < n // 2 else 128),
    "batch of one": lambda n: classifier(n, constant(3e-4), size=lambda step: 1),
    "mixup": lambda n: classifier(n, cosine(1e-3), loss_of=mixed, evaluates=100),
    "every step, then every fifty": lambda n: classifier(
        4 * n, cosine(1e-3), loss_of=noisy, every=lambda step: step <= 100 or step % 50 == 0, evaluates=100
    ),
    "sparse loss, frequent validation": lambda n: classifier(
        2 * n, cosine(1e-3), every=lambda step: step % 200 == 0, evaluates=20
    ),
    "regression": regression,
    "language": language,
    "VAE with annealing": vae,
    "GAN": lambda n: gan(n, ("errG", "errD")),
    "Wasserstein GAN": lambda n: gan(n, ("loss_G", "loss_critic"), "wasserstein"),
    "diffusion": diffusion,
    "contrastive": contrastive,
    "density": density,
    "PPO": ppo,
    "DQN": dqn,
    "fifty epochs": epochs,
    "loss scale": scaled,
    "fine-tuning to a rate of 0": finetuned,
    "resumed without a word": resumed,
    "two tasks": two_tasks,
}


def alarms(kind: str, seed: int, steps: int, changes: dict[str, Any]) -> tuple[list[str], int]:
    """What is told of a loop from warning up, and the records that it wrote."""
    torch.manual_seed(seed)
    watching = choose_watch(changes or "default")[0]
    told, records = [], 0
    for at, logged in enumerate(KINDS[kind](steps)):
        records += 1
        record = Record(logged.kind, logged.step, logged.scalars, {}, 0.05 * at)
        told += [
            f"{alert.fields['type']} {alert.fields['severity']} {alert.step}"
            for alert in watching.observe(record)
            if _is_loud(alert)
        ]
    return told, records


def _is_loud(alert: Record) -> bool:
    return alert.fields["severity"] != "info" and alert.fields["status"] != "end"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each kind")
    parser.add_argument("--steps", type=int, default=1500, help="steps of a run")
    parser.add_argument("--only", default="", help="kinds with this in their name")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="changes to the default preset")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    changes = {key: float(value) for key, value in (pair.split("=", 1) for pair in arguments.set)}
    episodes = steps = loud = runs = 0
    for kind in KINDS:
        if arguments.only.lower() not in kind.lower():
            continue
        for seed in range(arguments.seeds):
            told, written = alarms(kind, seed, arguments.steps, changes)
            episodes, steps, loud, runs = episodes + len(told), steps + written, loud + bool(told), runs + 1
            if told:
                print(f"{kind}, seed {seed}: {', '.join(told)}", flush=True)
    print(
        f"{runs} healthy runs of {len(KINDS)} kinds, {steps} records: {loud} alarmed, {episodes} alarms, "
        f"{1e4 * episodes / max(1, steps):.2f} in 10,000 steps"
    )


if __name__ == "__main__":
    main()
