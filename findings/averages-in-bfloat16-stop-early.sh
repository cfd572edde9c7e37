#!/usr/bin/env bash
# Moving averages that are kept in bfloat16 stop far from what they average: a step of 1-0.999 of the
# distance is lost once it is less than half a spacing of the average. Where they stop depends on how
# the library writes the average, and correcting the bias does not help: optax's debiased average of
# a constant 1 is about a half.
# Seen: the average of weights that are 1 throughout, begun at 0, decay 0.999, after 5,000 steps (exact
# 0.9933): 0.25 (torch AveragedModel), 0.5 (optax.ema, optax.incremental_update), 0.504 debiased (exact 1).
# The good guess that was wrong: it comes to within a few spacings (0.4 % each) of where it should be.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    torch==2.13.0 jax==0.10.2 optax==0.2.8 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import sys
import jax
import jax.numpy as jnp
import optax
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

DECAY, STEPS = 0.999, 5_000
exact = 1.0 - DECAY**STEPS
found = {}

model = torch.nn.Linear(1, 1, bias=False).to(torch.bfloat16).requires_grad_(False)
model.weight.zero_()
average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(DECAY))
average.update_parameters(model)  # the first one copies
model.weight.fill_(1.0)
for _ in range(STEPS):
    average.update_parameters(model)
found["torch AveragedModel"] = float(average.module.weight), exact

one, zero = (jnp.full(1, x, jnp.bfloat16) for x in (1.0, 0.0))
for debias, right in ((False, exact), (True, 1.0)):
    ema = optax.ema(DECAY, debias=debias)
    update = jax.jit(ema.update)
    state = ema.init(one)
    for _ in range(STEPS):
        shown, state = update(one, state)
    found["optax.ema" + " debiased" * debias] = float(shown[0]), right
old = zero
for _ in range(STEPS):
    old = optax.incremental_update(one, old, 1.0 - DECAY)
found["optax.incremental_update"] = float(old[0]), exact

print(f"torch {torch.__version__}, optax {optax.__version__}, jax {jax.__version__}")
for name, (value, right) in found.items():
    print(f"{name}: {value:.4f}, exactly {right:.4f}")
sys.exit(0 if all(value < 0.6 * right for value, right in found.values()) else 1)
PY
