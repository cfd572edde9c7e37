#!/usr/bin/env bash
# Keras optimizers with use_ema and gradient_accumulation_steps=k update the moving average of the
# weights at every micro-step, also at the k-1 of k at which no weight moves. So an average that is
# asked to remember 0.9 of itself an update remembers 0.9^k; and in the first k micro-steps, which are
# all iteration 0, it is set to the weights.
# Seen: weights 1, 2, 3, 4, 5 after five updates; their average is 1.9049 without accumulation, as the
# documentation says, and 2.8679 with k = 4.
# The good guess that was wrong: accumulating the same gradient k times and dividing by k changes
# nothing but the number of calls.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    torch==2.13.0 keras==3.15.1 numpy==2.4.6
KERAS_BACKEND=torch "$folder/venv/bin/python" - <<'PY'
import sys
import keras

UPDATES, MOMENTUM = 5, 0.9


def averaged(accumulated):
    """The weight and its average after some updates by 1 each."""
    weight = keras.Variable([0.0], dtype="float32")
    optimizer = keras.optimizers.SGD(
        1.0, use_ema=True, ema_momentum=MOMENTUM, gradient_accumulation_steps=accumulated
    )
    optimizer.build([weight])
    for _ in range(UPDATES * (accumulated or 1)):
        optimizer.apply([keras.ops.full((1,), -1.0)], [weight])
    before = float(keras.ops.convert_to_numpy(weight)[0])
    optimizer.finalize_variable_values([weight])  # the weight becomes its average
    return before, float(keras.ops.convert_to_numpy(weight)[0])


documented = 1.0  # after the first update the average is the weight
for k in range(2, UPDATES + 1):
    documented = MOMENTUM * documented + (1 - MOMENTUM) * k
plain, four = averaged(None), averaged(4)
print(f"keras {keras.__version__}: by the documentation {UPDATES} -> {documented:.4f}")
print(f"one gradient an update: weight {plain[0]:g}, average {plain[1]:.4f}")
print(f"four accumulated: weight {four[0]:g}, average {four[1]:.4f}")
kept = plain[0] == four[0] == UPDATES and abs(plain[1] - documented) < 1e-5
sys.exit(0 if kept and abs(four[1] - documented) > 0.5 else 1)
PY
