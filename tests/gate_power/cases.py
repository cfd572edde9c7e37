"""What a campaign runs: mutants and honest orders, drawn by a seed and a number alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from adamcheck.errors import UsageError
from adamcheck.formats import FORMATS
from adamcheck.inputs.followed import least_parameter
from adamcheck.mutations import parse_edit, sample
from adamcheck.mutations.edits import Edit
from adamcheck.mutations.orders import draw
from adamcheck.program import trace
from adamcheck.spec import Spec, parse_spec
from adamcheck.spec.hyperparameters import HYPERPARAMETERS

SPECS: tuple[str, ...] = (
    *("adam",) * 8,
    "adamw",
    "amsgrad",
    "adam[eps=hat]",
    "adam[decay=l2]",
    "momentum",
    "nesterov",
    "adagrad",
    "rmsprop",
    "rmsprop[centered=yes,momentum=yes]",
    "adamax[eps=outside]",
    "nadam",
    "radam",
)
"""The specs that are drawn from, each as often as it stands here; every other one is changed."""


def dialect(rng: np.random.Generator) -> str:
    """One of SPECS, and in half of the cases one or two of its switches drawn anew.

    Not what scalars are kept in, which is no part of a formula, and nothing of which no rounded
    number is known (docs/LIMITS.md).
    """
    spec = parse_spec(SPECS[rng.integers(len(SPECS))])
    changes = int(rng.choice((0, 1, 2), p=(0.5, 0.3, 0.2)))
    switches = [name for name in spec.switches if name != "scalars"]
    while changes:
        switch = switches[rng.integers(len(switches))]
        words = list(spec.switches[switch])
        try:
            changed = spec.with_(**{switch: words[rng.integers(len(words))]})
        except UsageError:  # a combination that means nothing
            continue
        if _is_defined(changed) and not _cancels(changed):
            spec, changes = changed, changes - 1
    return str(spec)


def _cancels(spec: Spec) -> bool:
    """Whether a first gradient is its own corrected mean, so that its variance is exactly 0."""
    return spec.centered == "yes" and spec.bias_correction != "none"


def _is_defined(spec: Spec) -> bool:
    """Whether its steps are numbers; a correction that counts from 0 divides by 1 - β^0."""
    hyper = {
        name: HYPERPARAMETERS[name].usual_in(FORMATS["float64"]) for name in spec.hyperparameters
    }
    return bool(np.isfinite(least_parameter(spec, hyper, np.ones((2, 1)))).all())


ARITHMETIC = "arithmetic"


@dataclass(frozen=True)
class Case:
    """One target: a mutant or its honest twin, of a spec in a format.

    ``kind`` is mutant or honest, ``area`` the kind of defect (gate_power.drawn). In arithmetic the
    text is the edit or the order; elsewhere ``at`` is the target, ``given`` are its options, and
    the text says for people what was drawn.
    """

    kind: str
    seed: int
    index: int
    spec: str
    dtype: str
    text: str
    area: str = ARITHMETIC
    at: str = ""
    given: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """Names the case within a campaign."""
        area = "" if self.area == ARITHMETIC else f"/{self.area}"
        return f"{self.kind}/{self.seed}/{self.index}/{self.dtype}{area}"

    @property
    def target(self) -> str:
        """As the command line takes it."""
        module = "target" if self.kind == "mutant" else "honest"
        return self.at or f"adamcheck.mutations.{module}:{self.spec}"

    @property
    def options(self) -> Mapping[str, str]:
        """The options that make the target what it is."""
        if self.at:
            return dict(self.given)
        return {"edit" if self.kind == "mutant" else "order": self.text}

    @property
    def edit(self) -> Edit:
        """The edit of a mutant."""
        return parse_edit(self.text)

    def reproduction(self, profile: str) -> str:
        """The command that runs the case alone."""
        options = "".join(f" --option '{name}={value}'" for name, value in self.options.items())
        return (
            f"adamcheck check '{self.target}' --spec '{self.spec}' --profile {profile}"
            f" --dtype {self.dtype}{options}"
        )


def mutant(seed: int, index: int, dtype: str, specs: tuple[str, ...] = ()) -> Case:
    """The mutant of a seed and a number in a format: other formats draw other numbers.

    Of one of ``specs`` where there are some, else of a drawn dialect.
    """
    rng = np.random.default_rng([seed, index, *dtype.encode()])
    spec = specs[rng.integers(len(specs))] if specs else dialect(rng)
    edit = sample(trace(parse_spec(spec)), rng, dtype=dtype)
    return Case("mutant", seed, index, spec, dtype, str(edit))


def honest(seed: int, index: int, dtype: str, specs: tuple[str, ...] = ()) -> Case:
    """The honest order of a seed and a number in a format, of a spec drawn as for a mutant."""
    rng = np.random.default_rng([seed, index, *dtype.encode(), 1])
    spec = specs[rng.integers(len(specs))] if specs else dialect(rng)
    order = draw(trace(parse_spec(spec)), rng, dtype=dtype)
    return Case("honest", seed, index, spec, dtype, str(order))
