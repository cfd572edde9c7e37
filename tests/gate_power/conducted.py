"""What the kinds of faults of conduct share: a target, an honest order under it, its case."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from adamcheck.mutations.faults import FAULTS, Fault
from adamcheck.mutations.orders import draw
from adamcheck.program import trace
from adamcheck.spec import Spec, parse_spec

from .cases import Case, dialect

Faults = Callable[[np.random.Generator, Spec, str], Fault]


def drawn(
    kind: str, area: str, faults: Faults, seed: int, index: int, dtype: str, specs: tuple[str, ...]
) -> Case:
    """A case of a drawn dialect that keeps something, in a drawn honest order, with a fault."""
    rng = np.random.default_rng([seed, index, *dtype.encode(), *area.encode(), kind == "honest"])
    text = specs[rng.integers(len(specs))] if specs else _stateful(rng)
    spec = parse_spec(text)
    fault = str(faults(rng, spec, dtype)).strip()
    order = str(draw(trace(spec), rng, dtype=dtype))
    given = tuple((name, value) for name, value in (("fault", fault), ("order", order)) if value)
    at = f"adamcheck.mutations.conduct:{text}"
    return Case(kind, seed, index, text, dtype, fault or "none", area, at, given)


def _stateful(rng: np.random.Generator) -> str:
    while True:
        text = dialect(rng)
        if trace(parse_spec(text)).moments:
            return text


def fault(name: str, /, **given: object) -> Fault:
    """A fault by its name; of what is given, the empty is left out."""
    return FAULTS[name]({key: str(value) for key, value in given.items() if value not in ("", 0)})


def late(rng: np.random.Generator, most: float) -> int:
    """A step count from which a fault acts: 0 in half of the cases, else log-uniform up to most."""
    return 0 if rng.integers(2) else round(float(np.exp2(rng.uniform(0.0, np.log2(most)))))


def counts(spec: Spec) -> bool:
    """Whether what a step does depends on its number."""
    return bool(trace(spec).clocks) and spec.bias_correction != "none"
