#!/usr/bin/env bash
# With gradient_accumulation_steps=k Keras applies, at every k-th micro-step, what has been accumulated
# for the variables that have a gradient at that very micro-step, and then clears the accumulators of
# all variables. A variable whose gradient is None just then (a branch that this batch did not take)
# loses all that it had accumulated, in silence; at any other micro-step a None costs its own share.
# Seen (PyTorch backend): four micro-steps, gradient -1, one of them None: the variable moves by 0.75
# if it is the first, second or third one, and by 0 if it is the fourth.
# The good guess that was wrong: a sum does not depend on which of its four parts is missing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    torch==2.13.0 keras==3.15.1 numpy==2.4.6
KERAS_BACKEND=torch "$folder/venv/bin/python" - <<'PY' 2> /dev/null
import sys
import keras

STEPS = 4
one, zero = (keras.ops.full((1,), x) for x in (-1.0, 0.0))


def moved(missing):
    """How far a variable is moved whose gradient is None at one micro-step."""
    always, sometimes = (keras.Variable([0.0], dtype="float32") for _ in range(2))
    optimizer = keras.optimizers.SGD(1.0, gradient_accumulation_steps=STEPS)
    optimizer.build([always, sometimes])
    for k in range(STEPS):
        optimizer.apply([one, None if k == missing else one], [always, sometimes])
    for _ in range(STEPS):  # nothing comes later either
        optimizer.apply([zero, zero], [always, sometimes])
    return [float(keras.ops.convert_to_numpy(v)[0]) for v in (always, sometimes)]


found = [moved(k) for k in range(STEPS)]
print(f"keras {keras.__version__}")
for k, (always, sometimes) in enumerate(found, 1):
    print(f"None at micro-step {k} of {STEPS}: moved by {sometimes:g}; its neighbour by {always:g}")
sys.exit(0 if found == [[1.0, 0.75]] * 3 + [[1.0, 0.0]] else 1)
PY
