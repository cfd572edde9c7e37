#!/usr/bin/env bash
# thinc.optimizers.Adam(beta1=0, beta2=0) is plain gradient descent, and beta1=0 alone raises a bare
# NotImplementedError: the optimizer takes Adam's step only where both are above 0.
# Seen (thinc 9.1.1, CPU, float32): with gradients of 4 and 0.25 and a rate of 0.1 one step is 0.4 and
# 0.025; Adam's is 0.1 and 0.1 whatever the β are, as its first step is α·sign(g).
# The good guess that was wrong: β = 0 is an average without a memory.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check thinc==9.1.1
"$folder/venv/bin/python" - 2>/dev/null <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from thinc.optimizers import Adam


def first_step(beta1, beta2):
    made = Adam(0.1, L2=0.0, beta1=beta1, beta2=beta2, eps=1e-8, grad_clip=0.0, use_averages=False)
    weights = np.zeros(2, "float32")
    try:
        weights, _ = made((0, "w"), weights, np.array([4.0, 0.25], "float32"))
    except NotImplementedError as error:
        return f"raises NotImplementedError({str(error)!r})"
    return [round(-float(x), 4) for x in weights]


print(f"thinc {version('thinc')}")
rows = {pair: first_step(*pair) for pair in ((0.9, 0.999), (0.5, 0.5), (0.0, 0.0), (0.0, 0.999))}
for pair, step in rows.items():
    print("beta1, beta2 =", pair, "first step:", step)
usual, half, none, one = rows.values()
there = usual == half == [0.1, 0.1] and none == [0.4, 0.025] and "raises" in one
print("the behaviour is there" if there else "the behaviour has changed")
sys.exit(0 if there else 1)
PY
