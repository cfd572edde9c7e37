#!/usr/bin/env bash
# torch.optim.Adam that loads the state of an AdamW decays like AdamW from then on: the flag
# "decoupled_weight_decay" is one of the hyperparameters that load_state_dict takes over. The other
# way round nothing happens, as AdamW sets the flag again after loading.
# Seen: θ = 1.833 after the next step under a gradient of 0, where Adam's own L2 decay gives 1.907.
# The good guess that was wrong: a class keeps its rule, whatever state it loads.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import copy
import sys
import torch

RATE, DECAY, START = 0.1, 0.5, 2.0


def made(kind):
    parameter = torch.nn.Parameter(torch.full((1,), START))
    return parameter, kind([parameter], lr=RATE, weight_decay=DECAY)


def after(saver, loader):
    """θ after one more step from START, under a gradient of 0, with what the saver had gathered."""
    parameter, optimizer = made(saver)
    parameter.grad = torch.ones(1)
    optimizer.step()
    other, loaded = made(loader)
    loaded.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    other.grad = torch.zeros(1)
    loaded.step()
    return other.item()


def decoupled():
    """AdamW's formula, in Python's floats: the moments of a first gradient of 1, then of 0."""
    m, v = 0.9 * 0.1, 0.999 * 0.001
    step = RATE * (m / (1 - 0.9**2)) / ((v / (1 - 0.999**2)) ** 0.5 + 1e-8)
    return START * (1 - RATE * DECAY) - step


print(f"torch {torch.__version__}")
seen = {}
for saver in (torch.optim.Adam, torch.optim.AdamW):
    for loader in (torch.optim.Adam, torch.optim.AdamW):
        seen[saver.__name__, loader.__name__] = value = after(saver, loader)
        print(f"a state of {saver.__name__:5} in {loader.__name__:5}: θ = {value:.7f}")
print(f"decoupled decay by its formula: θ = {decoupled():.7f}")
became = abs(seen["AdamW", "Adam"] - decoupled()) < 1e-6
kept = abs(seen["Adam", "AdamW"] - decoupled()) < 1e-6
sys.exit(0 if became and kept else 1)
PY
