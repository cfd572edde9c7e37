#!/usr/bin/env bash
# Keras' LossScaleOptimizer doubles its scale after dynamic_growth_steps finite steps, without an end:
# in a run whose gradients stay 0 or tiny for long (a hinge loss that every sample satisfies, 2,000
# steps a doubling by default) the scale reaches infinity. From then on every scaled loss is infinite,
# every step is skipped, and the scale is halved to infinity: the optimizer never moves again.
# torch's GradScaler does not take a scale that is not finite, and goes on.
# Seen (PyTorch backend): after 130 doublings inf, and still inf after 100 skipped steps with
# gradient 1; torch: 1.7e38 after the same 130, and it has moved after the same 100.
# The good guess that was wrong: dynamic scaling comes down again when gradients overflow.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    torch==2.13.0 keras==3.15.1 numpy==2.4.6
KERAS_BACKEND=torch "$folder/venv/bin/python" - <<'PY' 2> /dev/null
import math
import sys
import keras
import torch

QUIET, LATER = 130, 100
weight = torch.nn.Parameter(torch.zeros(1))
variable = keras.Variable([0.0], dtype="float32")
scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1.0), dynamic_growth_steps=1)
scaled.build([variable])
scaler, plain = torch.amp.GradScaler("cpu", growth_interval=1), torch.optim.SGD([weight], lr=1.0)


def both(gradient):
    """One step of each on a loss whose gradient is given; each scales its own loss."""
    scale = scaled.scale_loss(keras.ops.full((1,), 1.0))
    scaled.apply([scale * gradient if gradient else scale.new_zeros(1)], [variable])
    plain.zero_grad()
    scaler.scale((gradient * weight).sum()).backward()
    scaler.step(plain)
    scaler.update()


for gradient, steps in ((0.0, QUIET), (1.0, LATER)):
    for _ in range(steps):
        both(gradient)
    ours, theirs = float(scaled.dynamic_scale.value), scaler.get_scale()
    at = float(keras.ops.convert_to_numpy(variable)[0]), float(weight)
    print(f"gradient {gradient:g}, {steps} steps: scale {ours:g} (keras {keras.__version__}),"
          f" {theirs:g} (torch {torch.__version__}); weights {at[0]:g} and {at[1]:g}")
sys.exit(0 if math.isinf(ours) and at[0] == 0.0 and math.isfinite(theirs) and at[1] != 0.0 else 1)
PY
