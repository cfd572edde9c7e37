#!/usr/bin/env bash
# pytorch_optimizer's Adan averages differences of successive gradients. Its memory of the last
# gradient begins as the first one, so that the first difference is 0; with maximize=True the memory is
# filled before the gradient is negated, and the first difference is twice the gradient. So maximising
# f is not minimising -f, and the steps differ for as long as the averages remember the first one.
# Besides, the loop that foreach=False selects leaves the caller's gradient negated in .grad after
# every step, with or without maximize.
# Seen: gradient 1 throughout, lr 0.01: 10 steps of maximising end at 0.0873, 10 of minimising -f at
# 0.1000; .grad, -1 before the first step, is 1 after it.
# The good guess that was wrong: maximize=True negates the gradient and nothing else.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    torch==2.13.0 pytorch_optimizer==4.1.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version
import torch
from pytorch_optimizer import Adan, AdamP

STEPS = 10


def walked(cls, foreach, gradient, maximize):
    """Where a weight is after each step from 0, and its gradient after the first one."""
    weight = torch.nn.Parameter(torch.zeros(4, dtype=torch.float64))
    optimizer = cls([weight], lr=0.01, foreach=foreach, maximize=maximize)
    path, left = [], 0.0
    for k in range(STEPS):
        weight.grad = torch.full_like(weight, gradient)
        optimizer.step()
        left = left if k else weight.grad[0].item()
        path.append(weight[0].item())
    return path, left


print(f"torch {torch.__version__}, pytorch_optimizer {version('pytorch_optimizer')}")
apart = {}
for cls in (Adan, AdamP):
    for foreach in (False, True):
        up, _ = walked(cls, foreach, 1.0, True)
        down, left = walked(cls, foreach, -1.0, False)
        apart[cls, foreach] = max(abs(a - b) for a, b in zip(up, down))
        print(f"{cls.__name__}, foreach={foreach}: maximising ends at {up[-1]:.4f}, minimising -f at"
              f" {down[-1]:.4f}; after a step with gradient -1 .grad is {left:g}")
negated = walked(Adan, False, -1.0, False)[1] == 1.0
same = all(apart[AdamP, foreach] == 0.0 for foreach in (False, True))
sys.exit(0 if negated and same and all(apart[Adan, f] > 1e-3 for f in (False, True)) else 1)
PY
