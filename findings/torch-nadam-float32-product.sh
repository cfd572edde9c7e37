#!/usr/bin/env bash
# torch.optim.NAdam keeps Π μ_t ("mu_product") in float32 whatever dtype the parameter has, because
# the scalar is made in torch's default dtype. A float64 run is right to about 8 digits of 16.
# Seen: relative error 5e-09 after 3 steps, 4.7e+07 units of roundoff; mu_product is torch.float32.
# The good guess that was wrong: float64 parameters get float64 state, as m and v do.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
from fractions import Fraction as F
import sys
import torch

STEPS = 3
parameter = torch.zeros(1, dtype=torch.float64, requires_grad=True)
optimizer = torch.optim.NAdam([parameter], lr=1.0)
for _ in range(STEPS):
    parameter.grad = torch.ones_like(parameter)
    optimizer.step()
kept = optimizer.state[parameter]["mu_product"].dtype

# NAdam as torch documents it, under the constant gradient 1, in rationals but for 0.96^x and √
x = m = v = F(0)
product, b1, b2, eps = F(1), F(0.9), F(0.999), F(1e-8)
mu = lambda t: b1 * (1 - F(0.96 ** (t * 0.004)) / 2)
for t in range(1, STEPS + 1):
    product *= mu(t)
    m, v = b1 * m + (1 - b1), b2 * v + (1 - b2)
    below = F(float(v / (1 - b2**t)) ** 0.5) + eps
    x -= ((1 - mu(t)) / (1 - product) + mu(t + 1) * m / (1 - product * mu(t + 1))) / below

error = abs((F(parameter.item()) - x) / x)
print(f"torch {torch.__version__}: mu_product is {kept}")
print(f"parameter {parameter.item()!r}, by the formula {float(x)!r}")
print(f"relative error {float(error):.1e}, {float(error * 2**53):.1e} units of roundoff")
sys.exit(0 if kept == torch.float32 and error > F(1, 10**12) else 1)
PY
