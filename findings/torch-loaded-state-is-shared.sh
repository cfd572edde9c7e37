#!/usr/bin/env bash
# torch.optim.Optimizer.load_state_dict takes the tensors of a state as they are where dtype and
# device fit: b.load_state_dict(a.state_dict()) leaves a and b with one set of moments and one step
# count, and every step of the one moves the other's on.
# Seen: after one step of a and one of b both count 3 steps, and b's step is another one than alone.
# The good guess that was wrong: loading copies. (A state_dict is documented to hold references.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import copy
import sys
import torch


def made():
    parameter = torch.nn.Parameter(torch.zeros(1))
    return parameter, torch.optim.Adam([parameter], lr=1.0)


def step(parameter, optimizer, value):
    parameter.grad = torch.full((1,), value)
    optimizer.step()


def run(handed):
    """b's step after a's, from a state that a handed over after its first step."""
    one, a = made()
    step(one, a, 1.0)
    two, b = made()
    b.load_state_dict(handed(a.state_dict()))
    step(one, a, -8.0)
    step(two, b, 1.0)
    return two.item(), int(a.state[one]["step"]), int(b.state[two]["step"])


print(f"torch {torch.__version__}")
shared, copied = run(lambda state: state), run(copy.deepcopy)
for name, (theta, first, second) in (("as it is", shared), ("copied", copied)):
    print(f"the state {name:8}: θ of b = {theta:.4f}, a counts {first} steps, b {second}")
print("by the formula, a gradient of 1 after one of 1: θ of b = -1.0000, both count 2")
right = abs(copied[0] + 1.0) < 1e-4 and copied[1:] == (2, 2)
sys.exit(0 if right and shared != copied and shared[1:] == (3, 3) else 1)
PY
