#!/usr/bin/env bash
# On a CPU, bitsandbytes' blockwise quantiser takes small elements to far codes: it looks the code up
# by the first 16 bits of element/absmax, so that everything below about 2^-15 of the block's largest
# magnitude becomes one and the same number, although its 8-bit map reaches down to 3e-7.
# Seen (0.50.2, CPU, float32): with a map whose smallest positive number is 3.25e-7, the elements
# 1e-7, 1e-6 and 1e-5 beside a 1 all come back as 1.5625e-5. A second moment of Adam8bit that is a
# million times smaller than its block's largest comes back 15 to 150 times too large.
# The good guess that was wrong: each element goes to the nearest number of the map.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy bitsandbytes==0.50.2
"$folder/venv/bin/python" - 2>/dev/null <<'PY'
import sys
import bitsandbytes
import bitsandbytes.functional as functional
import torch

code = functional.create_dynamic_map(signed=False).float()
small = [1e-7, 1e-6, 1e-5]
block = torch.tensor([*small, *[0.0] * 252, 1.0])
index, absmax = torch.ops.bitsandbytes.quantize_blockwise(block, code, 256)
theirs = (code[index.long()] * absmax).tolist()[:3]
nearest = [min(code.tolist(), key=lambda x: abs(x - element)) for element in small]
print(f"bitsandbytes {bitsandbytes.__version__}, torch {torch.__version__}")
print(f"smallest positive number of the map: {code[code > 0].min().item():.4g}")
for element, kept, near in zip(small, theirs, nearest):
    print(f"{element:g} is kept as {kept:.6g}; the nearest number of the map is {near:.6g}")
far = theirs[0] == theirs[1] == theirs[2] and theirs[0] > 10 * nearest[1]
sys.exit(0 if far else 1)
PY
