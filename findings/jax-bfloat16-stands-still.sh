#!/usr/bin/env bash
# jax.example_libraries.optimizers.adam never moves a bfloat16 parameter: the correction is
# v / (1 - asarray(b2, v.dtype)**t), 0.999 is 1 in bfloat16, and v / 0 is infinite.
# (NumPyro's Adam wraps this one.)
# Seen: after 5 steps of 0.1 under the gradient 1 the parameter is still 1.0; in float16 it is 0.5.
# The good guess that was wrong: bfloat16 costs digits, so the steps are merely rough.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2
"$folder/venv/bin/python" - <<'PY'
import sys
import jax
import jax.numpy as jnp
from jax.example_libraries.optimizers import adam

def after(steps, dtype):
    start, update, params = adam(0.1)
    state = start(jnp.ones(1, dtype))
    for i in range(steps):
        state = update(i, jnp.ones(1, dtype), state)
    return float(params(state)[0])

print(f"jax {jax.__version__}; bfloat16(0.999) is {float(jnp.bfloat16(0.999))}")
seen = {name: after(5, getattr(jnp, name)) for name in ("float32", "float16", "bfloat16")}
print("five steps of 0.1 from 1.0:", seen, "(by Algorithm 1: 0.5)")
sys.exit(0 if seen["bfloat16"] == 1.0 and abs(seen["float32"] - 0.5) < 0.01 else 1)
PY
