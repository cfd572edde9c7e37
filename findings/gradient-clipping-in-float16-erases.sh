#!/usr/bin/env bash
# Clipping float16 gradients by their norm takes the norm in float16. Where it does not fit, it is
# infinite, and gradients that are ordinary numbers are multiplied by 1/inf: all of them become 0, and
# the optimizer steps on with them (Keras' global_clipnorm makes them NaN). In torch the norm has to be
# above 65,504; optax and Keras add up squares in float16, so a norm above 256 is enough.
# Seen: 16 gradients of 100 (norm 400), clipped to 1: 0 (optax), 0 (Keras clipnorm), NaN (Keras
# global_clipnorm); a million gradients of 100 (norm 100,000), clipped to 1: 0 (torch, no warning).
# The good guess that was wrong: whatever comes in, gradients clipped to norm 1 have norm 1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    torch==2.13.0 jax==0.10.2 optax==0.2.8 keras==3.15.1 numpy==2.4.6
KERAS_BACKEND=torch "$folder/venv/bin/python" - <<'PY'
import sys
import jax.numpy as jnp
import keras
import numpy as np
import optax
import torch

print(f"torch {torch.__version__}, optax {optax.__version__}, keras {keras.__version__}")
found = {}
parameter = torch.nn.Parameter(torch.zeros(1_000_000, dtype=torch.float16))
parameter.grad = torch.full_like(parameter, 100.0)
torch.nn.utils.clip_grad_norm_([parameter], 1.0)
found["torch clip_grad_norm_"] = parameter.grad.numpy()

clip = optax.clip_by_global_norm(1.0)
gradient = jnp.full(16, 100.0, jnp.float16)
found["optax clip_by_global_norm"] = np.asarray(clip.update(gradient, clip.init(gradient))[0])

for kind in ("clipnorm", "global_clipnorm"):
    variable = keras.Variable(np.zeros(16), dtype="float16")
    optimizer = keras.optimizers.SGD(-1.0, **{kind: 1.0})  # θ becomes the clipped gradient
    optimizer.build([variable])
    optimizer.apply([keras.ops.full((16,), 100.0, dtype="float16")], [variable])
    found[f"keras {kind}"] = keras.ops.convert_to_numpy(variable)

for name, clipped in found.items():
    norm = float(np.linalg.norm(clipped.astype(np.float64)))
    print(f"{name}: {clipped.size:,} gradients of 100, clipped to norm 1, have norm {norm:g}")
erased = [not (abs(np.linalg.norm(x.astype(np.float64)) - 1.0) < 0.1) for x in found.values()]
sys.exit(0 if all(erased) else 1)
PY
