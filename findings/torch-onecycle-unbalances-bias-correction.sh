#!/usr/bin/env bash
# OneCycleLR changes Adam's beta1 at every step unless it is told not to (cycle_momentum=True). Adam
# divides m by 1-beta1^t with the beta1 of this step, though m was averaged with all those before it:
# the weights of the gradients no longer sum to 1. So under a constant gradient, where every step of
# Adam is lr whatever beta1 is, it is up to 17 % less; with the product of the betas that were used
# in place of beta1^t it is lr again.
# Seen: 100 steps of gradient 1: steps of 0.827 to 1.007 times the scheduled lr; corrected by hand 1.
# The good guess that was wrong: a bias-corrected average of a constant is that constant.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import sys
import torch

STEPS = 100
parameter = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
optimizer = torch.optim.Adam([parameter], lr=1e-3, eps=0.0)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-3, total_steps=STEPS)
group, product, moved, corrected = optimizer.param_groups[0], 1.0, [], []
for t in range(1, STEPS):
    before, beta1 = parameter.item(), group["betas"][0]
    product *= beta1
    parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    moved.append((before - parameter.item()) / group["lr"])
    corrected.append(moved[-1] * (1.0 - beta1**t) / (1.0 - product))
    schedule.step()
print(f"torch {torch.__version__}: steps of {min(moved):.3f} to {max(moved):.3f} times lr; with the"
      f" product of the betas {min(corrected):.12f} to {max(corrected):.12f}")
right = max(abs(x - 1.0) for x in corrected) < 1e-9
sys.exit(0 if right and min(moved) < 0.9 else 1)
PY
