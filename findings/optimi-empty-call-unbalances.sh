#!/usr/bin/env bash
# optimi's step count is the group's and advances at every call, also at one in which no parameter has
# a gradient; its averages are kept corrected, with weights that depend on the count. After such a call
# a parameter's averages are neither those of its own gradients nor those of a gradient of zero.
# Seen: gradients 1, none, -2 at betas (0.5, 0.5): the third call moves the parameter by 0.0542;
# without the empty call by 0.0722 (as torch does with it), with a gradient of zero in its place by
# 0.0802, and by Algorithm 1 whose count alone advances by 0.0668.
# The good guess that was wrong: a call that finds no gradient changes nothing, or only the count.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy packaging
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch-optimi==0.3.3
"$folder/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import optimi
import torch

LR, B1, B2, EPS = 0.125, 0.5, 0.5, 1e-6

def last(cls, grads):
    p = torch.zeros(1, requires_grad=True)
    adam = cls([p], lr=LR, betas=(B1, B2), eps=EPS, weight_decay=0.0)
    for g in grads:
        before = p.item()
        p.grad = None if g is None else torch.full((1,), g)
        adam.step()
    return p.item() - before

def counted(grads):
    """The last step of Algorithm 1 when only its count knows of empty calls."""
    m = v = 0.0
    for t, g in enumerate(grads, start=1):
        if g is not None:
            m, v = B1 * m + (1 - B1) * g, B2 * v + (1 - B2) * g * g
    return -LR * (m / (1 - B1**t)) / ((v / (1 - B2**t)) ** 0.5 + EPS)

gap, plain, zero = (1.0, None, -2.0), (1.0, -2.0), (1.0, 0.0, -2.0)
print(f"torch-optimi {version('torch-optimi')}, torch {torch.__version__}")
seen = last(optimi.AdamW, gap)
others = {
    "optimi without the empty call": last(optimi.AdamW, plain),
    "optimi with a gradient of zero there": last(optimi.AdamW, zero),
    "torch with the empty call": last(torch.optim.AdamW, gap),
    "Algorithm 1 whose count alone advances": counted(gap),
}
print(f"optimi with the empty call: {seen:.4f}")
for name, value in others.items():
    print(f"{name}: {value:.4f}")
sys.exit(0 if all(abs(seen - value) > 0.005 for value in others.values()) else 1)
PY
