#!/usr/bin/env bash
# torch.optim.RMSprop refuses alpha < 0 and takes alpha ≥ 1: v = α·v + (1-α)·g² turns negative, and
# its root is NaN. Adam and Adadelta refuse such a rate when they are built.
# Seen: alpha=1.5 is taken, and the parameter is nan after one step.
# The good guess that was wrong: all rates of moving averages are validated alike.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import math
import sys
import torch

def refused(build):
    try:
        build([torch.ones(1, requires_grad=True)])
    except ValueError as error:
        return str(error)
    return ""

print(f"torch {torch.__version__}")
for build in (
    lambda p: torch.optim.Adam(p, betas=(0.9, 1.5)),
    lambda p: torch.optim.Adadelta(p, rho=1.5),
    lambda p: torch.optim.RMSprop(p, alpha=-0.5),
):
    print("refused:", refused(build))
try:
    parameter = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.RMSprop([parameter], alpha=1.5)
except ValueError as error:
    print("refused:", error)
    sys.exit(1)
parameter.grad = torch.ones(1)
optimizer.step()
print(f"RMSprop(alpha=1.5) is taken; after one step the parameter is {parameter.item()}")
sys.exit(0 if math.isnan(parameter.item()) else 1)
PY
