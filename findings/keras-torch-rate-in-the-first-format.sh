#!/usr/bin/env bash
# On Keras' PyTorch back end the rate of a step, with its bias corrections, is computed in the dtype
# of the first variable and used for all of them: a float32 variable that stands behind a float16 or
# bfloat16 one takes steps with a rate of 11 or 8 bits, and the same model moves otherwise when its
# variables are listed in another order. On the JAX back end each variable has a rate of its own.
# Seen: relative error of the first step of a float32 variable: alone or in front 1e-07 or less,
# behind a float16 one 5.5e-04, behind a bfloat16 one 9.1e-03; on JAX 1e-07 or less in every order.
# The good guess that was wrong: dtypes matter only to the variable that has them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 \
    --index-url https://download.pytorch.org/whl/cpu 2>/dev/null ||
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.2 jaxlib==0.10.2
cat > "$folder/step.py" <<'PY'
import json

import keras
import numpy as np

LR, B1, B2, EPS, G = 0.1, 0.7, 0.85, 0.25, 0.5

def moved(dtypes):
    variables = [keras.Variable(np.zeros(3), dtype=dtype) for dtype in dtypes]
    adam = keras.optimizers.Adam(learning_rate=LR, beta_1=B1, beta_2=B2, epsilon=EPS)
    adam.build(variables)
    adam.apply([keras.ops.convert_to_tensor(np.full(3, G), dtype=d) for d in dtypes], variables)
    return float(keras.ops.convert_to_numpy(variables[dtypes.index("float32")])[0])

exact = -LR * (1 - B2) ** 0.5 / (1 - B1) * (1 - B1) * G / ((1 - B2) ** 0.5 * G + EPS)
orders = (["float32"], ["float32", "float16"], ["float16", "float32"], ["bfloat16", "float32"])
print(json.dumps({" ".join(one): abs(moved(one) / exact - 1) for one in orders}))
PY
for backend in torch jax; do
    KERAS_BACKEND=$backend "$folder/venv/bin/python" "$folder/step.py" > "$folder/$backend.json"
done
"$folder/venv/bin/python" - "$folder" <<'PY'
import json
import sys
from importlib.metadata import version
from pathlib import Path

print(f"keras {version('keras')}, torch {version('torch')}, jax {version('jax')}")
seen = {b: json.loads(Path(sys.argv[1], f"{b}.json").read_text()) for b in ("torch", "jax")}
for backend, errors in seen.items():
    for order, error in errors.items():
        print(f"{backend}: [{order}] relative error of the float32 variable's first step {error:.1e}")
behind = ("float16 float32", "bfloat16 float32")
there = all((error > 1e-5) == (b == "torch" and order in behind)
            for b, errors in seen.items() for order, error in errors.items())
sys.exit(0 if there else 1)
PY
