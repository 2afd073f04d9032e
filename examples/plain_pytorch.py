"""A loop of your own, watched by aurl.

python examples/plain_pytorch.py
aurl runs outputs
"""

from __future__ import annotations

import sys

import torch

import aurl

folder = sys.argv[1] if len(sys.argv) > 1 else "outputs/plain_pytorch"
torch.manual_seed(1)
model = torch.nn.Sequential(torch.nn.Linear(8, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
with aurl.Monitor.start(folder, logging=["console", "tensorboard"], config={"lr": 0.01}, steps=200) as monitor:
    for step in range(1, 201):
        x = torch.randn(64, 8)
        loss = (model(x) - x.sum(1, keepdim=True)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        monitor.step(step, {"loss/total": loss, "grad/norm": norm, "lr": 0.01})
        if step % 50 == 0:
            x = torch.randn(256, 8)
            with torch.no_grad():
                monitor.eval(step, {"val/loss/total": (model(x) - x.sum(1, keepdim=True)).square().mean()})
