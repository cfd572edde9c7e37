#!/usr/bin/env bash
# keras.optimizers.Adam, AdamW and Lamb never move a bfloat16 variable: beta_2 is cast to the
# variable's dtype before its power is taken, 0.999 is 1 in bfloat16, and α·√(1-1)/(1-β1^t) is 0.
# Nadam divides by the same 0. Adamax, RMSprop and SGD move. Nothing is raised or warned of.
# Seen: after 5 steps of 0.125 under the gradient 1: Adam 1.0, AdamW 1.0, Lamb 1.0, Nadam nan,
# Adamax 0.375.
# The good guess that was wrong: "v never decays in bfloat16" (true, too) costs quality at worst.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.2 jaxlib==0.10.2
KERAS_BACKEND=jax "$folder/venv/bin/python" - <<'PY'
import math
import sys
import jax
import keras
import numpy as np

def after(name, dtype, steps=5):
    variable = keras.Variable(np.ones(1), dtype=dtype)
    optimizer = getattr(keras.optimizers, name)(learning_rate=0.125)
    optimizer.build([variable])
    for _ in range(steps):
        optimizer.apply([keras.ops.ones(1, dtype)], [variable])
    return float(np.asarray(variable.value)[0])

print(f"keras {keras.__version__} on jax {jax.__version__}")
names = ("Adam", "AdamW", "Lamb", "Nadam", "Adamax")
seen = {dtype: {n: after(n, dtype) for n in names} for dtype in ("float32", "bfloat16")}
for dtype, values in seen.items():
    print(f"five steps of 0.125 from 1.0 in {dtype}:", values)
narrow = seen["bfloat16"]
still = all(narrow[n] == 1.0 for n in ("Adam", "AdamW", "Lamb")) and math.isnan(narrow["Nadam"])
sys.exit(0 if still and seen["float32"]["Adam"] < 0.5 else 1)
PY
