#!/usr/bin/env bash
# optimi's Adam and AdamW leave something else in .grad after a step: with foreach the denominator of
# the step, so that every sign is gone; without it, under L2 decay, the gradient with λθ added.
# foreach is the default on a GPU. Whoever reads gradients after a step (logs a norm, goes on adding
# micro-batches to them, shares them between optimizers) reads these.
# Seen (torch-optimi 0.3.3, CPU, float32): a gradient of -0.3 is 0.300001 after one step of
# AdamW(foreach=True): |g| + ε. PyTorch's own optimizers leave it as it was.
# The good guess that was wrong: a step reads gradients.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy torch-optimi==0.3.3
"$folder/venv/bin/python" - 2>/dev/null <<'PY'
import sys
from importlib.metadata import version

import optimi
import torch

GIVEN = [0.5, -0.25, -0.3]


def left(optimizer, foreach, weight_decay):
    parameter = torch.nn.Parameter(torch.tensor([1.0, 2.0, -3.0]))
    parameter.grad = torch.tensor(GIVEN)
    optimizer([parameter], lr=0.1, weight_decay=weight_decay, foreach=foreach).step()
    return parameter.grad.tolist()


print(f"torch-optimi {version('torch-optimi')}, torch {torch.__version__}")
as_it_was = torch.tensor(GIVEN).tolist()
print("given:                         ", as_it_was)
rows = {
    "optimi AdamW, foreach": left(optimi.AdamW, True, 0.0),
    "optimi Adam, for-loop, λ = 0.5": left(optimi.Adam, False, 0.5),
    "torch AdamW, foreach": left(torch.optim.AdamW, True, 0.0),
    "torch Adam, for-loop, λ = 0.5": left(torch.optim.Adam, False, 0.5),
}
for name, grad in rows.items():
    print(f"{name:31}", grad)
denominator = [abs(g) + 1e-6 for g in GIVEN]  # √v̂ + ε at the first step
decayed = [g + 0.5 * p for g, p in zip(GIVEN, (1.0, 2.0, -3.0))]
near = lambda a, b: all(abs(x - y) < 1e-6 for x, y in zip(a, b))  # noqa: E731
first, second, *torchs = rows.values()
there = near(first, denominator) and near(second, decayed) and all(g == as_it_was for g in torchs)
print("the behaviour is there" if there else "the behaviour has changed")
sys.exit(0 if there else 1)
PY
