#!/usr/bin/env bash
# optimi's Adam and AdamW take betas=(β1, β2), and a parameter group that gives betas of its own is
# not followed: the constructor keeps beta1 and beta2 in their place, and the group's word, which
# torch.optim.Optimizer lets pass, is read by nobody. Nothing is raised or warned of. A group's lr,
# eps and weight_decay are followed, and so are beta1 and beta2 by those names, which no signature
# shows.
# Seen: three steps of a group with betas (0.5, 0.9375) beside defaults of (0.5, 0.5): the group
# moves as with (0.5, 0.5), bit for bit; given as beta1 and beta2 it moves otherwise.
# The good guess that was wrong: what the constructor takes for all, a group may say for itself.
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

def moved(cls, group):
    one, other = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    adam = cls([{"params": [one]}, {"params": [other], **group}], lr=0.125, betas=(0.5, 0.5),
               weight_decay=0.0)
    for g in (1.0, -2.0, 3.0):
        one.grad, other.grad = torch.full((1,), g), torch.full((1,), g)
        adam.step()
    return other.item()

print(f"torch-optimi {version('torch-optimi')}, torch {torch.__version__}")
kept = True
for cls in (optimi.Adam, optimi.AdamW, torch.optim.AdamW):
    plain, own = moved(cls, {}), moved(cls, {"betas": (0.5, 0.9375)})
    named = moved(cls, {"beta1": 0.5, "beta2": 0.9375})
    print(f"{cls.__module__.split('.')[0]} {cls.__name__}: the defaults {plain:.6f},"
          f" a group's betas {own:.6f}, its beta1 and beta2 {named:.6f}")
    ignored = own == plain and named != plain
    kept &= ignored == cls.__module__.startswith("optimi")
sys.exit(0 if kept else 1)
PY
