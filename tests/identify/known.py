"""What the optimizers of real libraries are; also read by scripts/readme, without pytest."""

from __future__ import annotations

from typing import Any

KNOWN: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("torch.optim:Adam", {}, "adam"),
    ("torch.optim:Adam", {"amsgrad": True}, "amsgrad"),
    ("torch.optim:Adam", {"maximize": True}, "adam[maximize=yes]"),
    ("torch.optim:Adam", {"weight_decay": 0.1}, "adam[decay=l2]"),
    ("torch.optim:AdamW", {}, "adamw"),
    ("torch.optim:AdamW", {"weight_decay": 0.1}, "adamw"),
    ("torch.optim:RAdam", {}, "radam[eps=hat]"),
    ("torch.optim:Adamax", {}, "adamax[eps=gradient]"),
    ("torch.optim:RMSprop", {}, "rmsprop"),
    ("torch.optim:Adagrad", {}, "adagrad"),
    ("torch.optim:SGD", {}, "gd"),
    ("torch.optim:SGD", {"momentum": 0.9}, "momentum"),
    ("optax:adam", {}, "adam"),
    ("optax:adam", {"eps_root": 0.015625}, "adam[eps=both]"),
    ("optax:amsgrad", {}, "adam[amsgrad=vhat]"),
    ("optax:adamw", {}, "adamw"),
    ("optax:nadam", {}, "nadam"),
    ("optax:adagrad", {}, "adagrad[eps=inside,accumulator=initial]"),
    ("sklearn.neural_network._stochastic_optimizers:AdamOptimizer", {}, "adam[eps=hat]"),
    ("sklearn.neural_network._stochastic_optimizers:SGDOptimizer", {}, "momentum[form=inside]"),
    ("autograd.misc.optimizers:adam", {}, "adam"),
    ("jax.example_libraries.optimizers:adam", {}, "adam"),
    ("adamcheck.implementations:NumpyAdam", {}, "adam"),
)
