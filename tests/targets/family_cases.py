"""The relatives of Adam that real libraries ship: which dialect each is, and which it is not.

README.md's table of the family is made from these lists too, so pytest is not needed here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

TORCH, JAX = "torch.optim:", "jax.example_libraries.optimizers:"
SKLEARN = "sklearn.neural_network._stochastic_optimizers:SGDOptimizer"


@dataclass(frozen=True)
class Case:
    """A target that fits ``spec`` and none of ``others``; ``scalars`` are those that it keeps."""

    target: str
    spec: str
    others: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    scalars: str = "float64"
    dtypes: tuple[str, ...] = ("float64", "float32")
    shows: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.target.rpartition('.')[2]} {self.spec}"


CASES = (
    Case(TORCH + "SGD", "gd", ("gd[maximize=yes]",)),
    Case(TORCH + "SGD", "momentum", ("nesterov", "momentum[dampening=ema]"), shows=("velocity",)),
    Case(TORCH + "SGD", "nesterov", ("momentum",), flags=("nesterov",), shows=("velocity",)),
    Case(
        TORCH + "SGD",
        "momentum[dampening=late]",
        ("momentum[dampening=full]", "momentum"),
        shows=("velocity",),
    ),
    Case(TORCH + "SGD", "momentum[decay=l2]", ("momentum[decay=decoupled]",), {"foreach": True}),
    Case(TORCH + "RMSprop", "rmsprop", ("rmsprop[eps=inside]",), shows=("v",)),
    Case(
        TORCH + "RMSprop",
        "rmsprop[centered=yes,momentum=yes]",
        ("rmsprop[momentum=yes]", "rmsprop[nesterov=yes,centered=yes,momentum=yes]"),
        {"foreach": True},
        ("centered",),
        shows=("v", "m", "velocity"),
    ),
    Case(TORCH + "Adagrad", "adagrad", ("adagrad[eps=inside]",), shows=("v",)),
    Case(
        TORCH + "Adagrad",
        "adagrad[lr_decay=yes,accumulator=initial]",
        ("adagrad[accumulator=initial]", "adagrad[lr_decay=yes]"),
        shows=("v",),
    ),
    Case(
        TORCH + "Adamax",
        "adamax[eps=gradient]",
        ("adamax", "adamax[eps=outside]", "adamax[eps=decayed]"),
        shows=("m", "v"),
    ),
    Case(
        TORCH + "NAdam",
        "nadam[schedule=momentum-decay]",
        ("nadam", "nadam[schedule=0.96^t]", "nadam[schedule=momentum-decay,lookahead=no]"),
        dtypes=("float32",),
        shows=("m", "v"),
    ),
    Case(TORCH + "RAdam", "radam[eps=hat]", ("radam", "radam[eps=hat,cut=4]"), shows=("m", "v")),
    Case("optax:sgd", "gd"),
    Case("optax:sgd", "momentum", ("momentum[dampening=ema]",)),
    Case("optax:sgd", "nesterov", ("momentum",), flags=("nesterov",)),
    Case("optax:rmsprop", "rmsprop[eps=inside]", ("rmsprop",)),
    Case(
        "optax:rmsprop",
        "rmsprop[bias_correction=v]",
        ("rmsprop", "rmsprop[eps=inside]"),
        {"eps_in_sqrt": False, "bias_correction": True},
    ),
    Case(
        "optax:rmsprop",
        "rmsprop[eps=inside,form=inside,accumulator=initial,centered=yes,momentum=yes]",
        ("rmsprop[eps=inside,form=inside,centered=yes,momentum=yes]",),
        flags=("centered",),
    ),
    Case(
        "optax:adagrad",
        "adagrad[eps=inside,accumulator=initial]",
        ("adagrad[accumulator=initial]", "adagrad[eps=inside]"),
    ),
    Case("optax:adamax", "adamax[eps=gradient]", ("adamax",), shows=("m", "v")),
    Case("optax:nadam", "nadam", ("nadam[lookahead=no]",), shows=("m", "v")),
    Case("optax:radam", "radam[eps=both]", ("radam[eps=hat]",), shows=("m", "v")),
    Case("optax:radam", "radam", ("radam[eps=hat]",), {"x64": False}, (), "array", ("float32",)),
    Case(SKLEARN, "momentum[form=inside]", ("momentum",), shows=("velocity",)),
    Case(
        SKLEARN,
        "momentum[nesterov=yes,form=inside]",
        ("nesterov", "momentum[form=inside]"),
        flags=("nesterov",),
        shows=("velocity",),
    ),
    Case(
        "autograd.misc.optimizers:sgd",
        "momentum[dampening=ema]",
        ("momentum",),
        dtypes=("float64",),
    ),
    Case(
        "autograd.misc.optimizers:rmsprop",
        "rmsprop[accumulator=one]",
        ("rmsprop",),
        dtypes=("float64",),
    ),
    Case(JAX + "momentum", "momentum", ("nesterov",)),
    Case(JAX + "nesterov", "nesterov", ("momentum",)),
    Case(
        JAX + "rmsprop_momentum",
        "rmsprop[eps=inside,form=inside,momentum=yes]",
        ("rmsprop[momentum=yes]",),
    ),
    Case(JAX + "adamax", "adamax[eps=outside]", ("adamax[eps=gradient]",), shows=("m", "v")),
)

KERAS = (
    Case("keras.optimizers:SGD", "gd"),
    Case("keras.optimizers:SGD", "momentum[form=inside]", shows=("velocity",)),
    Case(
        "keras.optimizers:SGD",
        "momentum[nesterov=yes,form=inside]",
        ("momentum[form=inside]",),
        flags=("nesterov",),
        shows=("velocity",),
    ),
    Case("keras.optimizers:RMSprop", "rmsprop[eps=inside]", ("rmsprop",), shows=("v",)),
    Case(
        "keras.optimizers:RMSprop",
        "rmsprop[eps=inside,form=inside,centered=yes,momentum=yes]",
        ("rmsprop[eps=inside,centered=yes]",),
        flags=("centered",),
        shows=("v", "m", "velocity"),
    ),
    Case(
        "keras.optimizers:Adagrad",
        "adagrad[eps=inside,accumulator=initial]",
        ("adagrad[eps=inside]",),
        shows=("v",),
    ),
    Case("keras.optimizers:Adamax", "adamax[eps=outside]", ("adamax",), shows=("m", "v")),
    Case("keras.optimizers:Nadam", "nadam[schedule=0.96^t]", ("nadam",), shows=("m", "v")),
)
