#!/usr/bin/env bash
# geoopt.optim.RiemannianAdam(maximize=True) minimises. Its signature is (*args, stabilize, **kwargs):
# everything else is torch.optim.Adam's, whose constructor takes the option and stores it in the group;
# RiemannianAdam's own step never reads it.
# Seen (geoopt 0.5.1, CPU): with a gradient of 1 and lr = 0.1 a parameter of 1 is at 0.9 with and
# without maximize; torch.optim.Adam, of which it is a subclass, is at 1.1 with it.
# The good guess that was wrong: an option that is accepted is followed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy geoopt==0.5.1
"$folder/venv/bin/python" - 2>/dev/null <<'PY'
import sys

import geoopt
import torch


def after(optimizer, maximize):
    parameter = torch.nn.Parameter(torch.tensor([1.0]))
    parameter.grad = torch.tensor([1.0])
    optimizer([parameter], lr=0.1, maximize=maximize).step()
    return round(parameter.item(), 6)


print(f"geoopt {geoopt.__version__}, torch {torch.__version__}")
theirs = [after(geoopt.optim.RiemannianAdam, flag) for flag in (False, True)]
torchs = [after(torch.optim.Adam, flag) for flag in (False, True)]
print("without and with maximize: geoopt", theirs, "torch", torchs)
there = theirs == [0.9, 0.9] and torchs == [0.9, 1.1]
print("the behaviour is there" if there else "the behaviour has changed")
sys.exit(0 if there else 1)
PY
