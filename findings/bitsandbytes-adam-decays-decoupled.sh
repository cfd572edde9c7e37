#!/usr/bin/env bash
# bitsandbytes.optim.Adam and AdamW are one function: the weight_decay of Adam is the decoupled one.
# Nothing in their documentation tells the two classes apart; torch.optim.Adam, in whose place they
# are put, adds weight_decay·θ to the gradient.
# Seen (0.50.2, CPU, float32): three steps with weight_decay = 0.5 end at the same bits under Adam and
# AdamW; a parameter with a zero gradient goes from 2 to 1.648 (torch.optim.Adam: 1.626, in steps of
# nearly lr, as the decay alone is its gradient).
# The good guess that was wrong: Adam's weight_decay is L2, as in PyTorch, and AdamW's is decoupled.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy bitsandbytes==0.50.2
"$folder/venv/bin/python" - 2>/dev/null <<'PY'
import sys
import bitsandbytes
import torch


def after(optimizer, steps=3):
    parameter = torch.nn.Parameter(torch.full((4,), 2.0))
    made = optimizer([parameter], lr=0.125, weight_decay=0.5)
    for _ in range(steps):
        parameter.grad = torch.tensor([1.0, -2.0, 0.5, 0.0])
        made.step()
    return parameter.detach().tolist()


theirs = {name: after(getattr(bitsandbytes.optim, name)) for name in ("Adam", "AdamW")}
torchs = {name: after(getattr(torch.optim, name)) for name in ("Adam", "AdamW")}
print(f"bitsandbytes {bitsandbytes.__version__}, torch {torch.__version__}")
for name in ("Adam", "AdamW"):
    print(f"{name:6} bitsandbytes {theirs[name]}  torch {torchs[name]}")
same = theirs["Adam"] == theirs["AdamW"] == torchs["AdamW"]
sys.exit(0 if same and abs(torchs["Adam"][3] - theirs["Adam"][3]) > 0.02 else 1)
PY
