#!/usr/bin/env bash
# torch.optim's fused optimizers on a CPU walk a parameter and its gradient by their order in memory,
# not by their indices: a gradient that lies transposed in memory (equal to the plain one, element by
# element) is given to other elements. Adam, AdamW, SGD and Adagrad do so; without fused=True none does.
# Seen: of a 2x3 parameter two elements (Adam: the first step shows no more than signs) to four (SGD)
# move by another one's gradient, in silence.
# The good guess that was wrong: strides are torch's business, as in every other operation on tensors.
# (A backward pass lays gradients out like their parameters; one that is assigned may lie otherwise.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import sys
import torch

print(f"torch {torch.__version__}")
start = torch.zeros(2, 3)
plain = torch.tensor([[1.0, -2.0, 3.0], [-4.0, 5.0, -6.0]])
transposed = plain.t().contiguous().t()
assert torch.equal(plain, transposed) and plain.stride() != transposed.stride()


def moved(name, gradient, fused):
    parameter = torch.nn.Parameter(start.clone())
    parameter.grad = gradient.clone()  # keeps the strides
    getattr(torch.optim, name)([parameter], lr=0.125, fused=fused).step()
    return parameter.detach()


seen = []
for name in ("Adam", "AdamW", "SGD", "Adagrad"):
    same = torch.allclose(moved(name, plain, False), moved(name, transposed, False), atol=1e-6)
    one, two = moved(name, plain, True), moved(name, transposed, True)
    wrong = int((abs(one - two) > 1e-3).sum())
    print(f"{name}: without fused the layout makes {'no' if same else 'a'} difference; with it"
          f" {wrong} of 6 elements move otherwise: {two.tolist()} instead of {one.tolist()}")
    seen.append(same and wrong > 0)
sys.exit(0 if all(seen) else 1)
PY
