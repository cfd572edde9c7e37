#!/usr/bin/env bash
# bitsandbytes.optim.Adam(amsgrad=True) takes the option, keeps no running maximum and says nothing.
# Its 8-bit class refuses the option; the 32-bit one stores it in the group and never reads it.
# Seen (0.50.2, CPU, float32): after one gradient of 8 and seven of 1 the parameter is at -0.782 with
# and without amsgrad; torch.optim.Adam is at -0.358 with it and at -0.782 without.
# The good guess that was wrong: an option that is accepted is followed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy bitsandbytes==0.50.2
"$folder/venv/bin/python" - 2>/dev/null <<'PY'
import sys
import bitsandbytes
import torch


def after(optimizer, amsgrad):
    parameter = torch.nn.Parameter(torch.zeros(1))
    made = optimizer([parameter], lr=0.125, betas=(0.5, 0.5), amsgrad=amsgrad)
    for step in range(8):
        parameter.grad = torch.tensor([8.0 if step == 0 else 1.0])
        made.step()
    return parameter.item()


def eight_bit():
    try:
        after(bitsandbytes.optim.Adam8bit, True)
    except ValueError as refusal:
        return f"refused: {refusal}"
    return "taken"


print(f"bitsandbytes {bitsandbytes.__version__}, torch {torch.__version__}")
theirs = [after(bitsandbytes.optim.Adam, flag) for flag in (False, True)]
torchs = [after(torch.optim.Adam, flag) for flag in (False, True)]
print("without and with amsgrad: bitsandbytes", theirs, "torch", torchs)
print("Adam8bit(amsgrad=True):", eight_bit())
refused = eight_bit().startswith("refused")
sys.exit(0 if theirs[0] == theirs[1] and torchs[1] > torchs[0] + 0.3 and refused else 1)
PY
