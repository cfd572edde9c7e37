#!/usr/bin/env bash
# bitsandbytes' optimizers that load a state whose moments came back in another float format, as from
# a checkpoint that was saved in bfloat16 to halve it, take no step any more: a step looks at the
# dtype of the first moment, does one thing for float32 and another for uint8, and nothing for any
# other. PyTorch brings a loaded state into the parameter's dtype; here the moments lie in a wrapper
# that hides them from that. Nothing is raised or warned of, and the step count goes on.
# Seen: three steps after loading, α = 0.125, gradient 1, Adam8bit on 24 elements (whose moments are
# float32): as saved -0.5; with moments in bfloat16, float16 or float64 -0.125, where it was loaded.
# The good guess that was wrong: a state in a wrong format is refused, or converted, or costs digits.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check bitsandbytes==0.50.2
"$folder/venv/bin/python" - 2>/dev/null <<'PY'
import copy
import sys
from importlib.metadata import version

import bitsandbytes
import torch

WRAPPER = "__bnb_optimizer_quant_state__"

def after(optimizer, kind):
    saved = torch.nn.Parameter(torch.zeros(24))
    one = optimizer([saved], lr=0.125)
    saved.grad = torch.ones(24)
    one.step()
    state = copy.deepcopy(one.state_dict())
    kept = state["state"][0].get(WRAPPER, state["state"][0])
    for name, value in kept.items():
        if torch.is_tensor(value) and value.dim():
            kept[name] = value.to(kind)
    loaded = torch.nn.Parameter(saved.detach().clone())
    two = optimizer([loaded], lr=0.125)
    two.load_state_dict(state)
    for _ in range(3):
        loaded.grad = torch.ones(24)
        two.step()
    return round(loaded[0].item(), 3)

kinds = (torch.float32, torch.bfloat16, torch.float16, torch.float64)
print(f"bitsandbytes {version('bitsandbytes')}, torch {torch.__version__}")
seen = {
    cls.__module__.split(".")[0] + " " + cls.__name__: [after(cls, kind) for kind in kinds]
    for cls in (bitsandbytes.optim.Adam8bit, bitsandbytes.optim.Adam32bit, torch.optim.Adam)
}
for name, values in seen.items():
    print(name, "after moments came back as", dict(zip(map(str, kinds), values)))
moves, *stand = list(seen.values())[0]
there = moves == -0.5 and set(stand) == {-0.125} and max(seen["torch Adam"]) < -0.4
sys.exit(0 if there else 1)
PY
