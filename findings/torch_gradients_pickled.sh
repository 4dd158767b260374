#!/usr/bin/env bash
# A parameter of PyTorch comes back from `pickle`, `torch.save` and `copy.deepcopy` without its `.grad`; nothing is said.
# Exits 0 while this is so, and with 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'END'
import copy
import io
import pickle
import sys

import torch

print("torch", torch.__version__)
torch.manual_seed(0)
model = torch.nn.Linear(2, 1)
model(torch.ones(3, 2)).sum().backward()
file = io.BytesIO()
torch.save(model, file)
file.seek(0)
found = {
    "live": model,
    "pickle": pickle.loads(pickle.dumps(model)),
    "torch.save": torch.load(file, weights_only=False),
    "deepcopy": copy.deepcopy(model),
}
for name, each in found.items():
    print(f"{name}: weight.grad = {each.weight.grad}")
sys.exit(not (found["live"].weight.grad is not None and found["pickle"].weight.grad is None is found["torch.save"].weight.grad))
END
