"""Evidence for the oracle's tests: any dialect, any format, magnitudes over the whole range."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from adamcheck.formats import FORMATS, Format
from adamcheck.oracle.evidence import Evidence
from adamcheck.rules import initial_state, step
from adamcheck.spec import SWITCHES, Spec

from .intervals import OPS, Interval, interval

specs = st.builds(
    Spec, **{k: st.sampled_from(v if k != "scalars" else ("any",)) for k, v in SWITCHES.items()}
)
betas = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.875, 0.9, 0.99, 0.999, 0.99999, 1 - 2.0**-10])
tiny_numbers = st.sampled_from([0.0, 1e-16, 1e-8, 2.0**-20, 1e-3, 1.0])


@st.composite
def hypers(draw: st.DrawFn, spec: Spec) -> dict[str, float]:
    """Hyperparameters as people set them, and a few that nobody does."""
    drawn = {
        "lr": draw(st.sampled_from([1e-8, 1e-3, 0.1, 2.0**-7, 1.0, 1e3])),
        "beta1": draw(betas),
        "beta2": draw(betas),
        "eps": draw(tiny_numbers),
        "eps_root": draw(tiny_numbers),
        "weight_decay": draw(st.sampled_from([0.0, 1e-2, 0.1, 1.0])),
    }
    return {k: drawn[k] for k in spec.hyperparameters}


def values(fmt: Format, *, extreme: bool = True) -> st.SearchStrategy[float]:
    """Numbers of a format: usual ones, and patterns from the smallest to the largest."""
    low = fmt.min_exponent - fmt.precision + 1 if extreme else fmt.min_exponent // 4
    high = fmt.max_exponent if extreme else fmt.max_exponent // 4
    wild = st.builds(
        lambda s, f, e: s * float(np.ldexp(f, e)),
        st.sampled_from([1.0, -1.0]),
        st.floats(1.0, 1.999),
        st.integers(low, high),
    )
    usual = st.builds(
        lambda s, f, e: s * f * 2.0**e,
        st.sampled_from([1.0, -1.0]),
        st.floats(1.0, 1.999),
        st.integers(-8, 2),
    )
    return st.sampled_from([0.0, -0.0, 1.0, -1.0]) | usual | wild


@st.composite
def evidence(
    draw: st.DrawFn, *, dtypes: tuple[str, ...] = tuple(FORMATS), extreme: bool = True
) -> Evidence:
    """Any gradients and parameters: the oracle takes what the target shows, right or wrong."""
    spec = draw(specs)
    fmt = FORMATS[draw(st.sampled_from(dtypes))]
    steps, count = draw(st.integers(1, 5)), draw(st.integers(1, 2))
    number = values(fmt, extreme=extreme)

    def array(rows: int) -> Any:
        rows_ = draw(
            st.lists(st.lists(number, min_size=count, max_size=count), min_size=rows, max_size=rows)
        )
        with np.errstate(all="ignore"):
            return np.clip(np.array(rows_), -fmt.largest, fmt.largest).astype(fmt.dtype)

    return Evidence(spec, fmt, draw(hypers(spec)), array(steps), array(steps + 1))


def exactly(e: Evidence, i: int = 0) -> list[dict[str, Interval]]:
    """Every output of element i over rational intervals; UNKNOWN after a division by zero."""
    h = {n: interval(Fraction(e.hyper[n])) for n in e.spec.hyperparameters}
    state = initial_state(e.spec, h, interval(0), interval(1))
    out = []
    for t in range(e.shape[0]):
        g, theta = (interval(Fraction(float(x[t, i]))) for x in (e.grads, e.thetas))
        done = step(e.spec, OPS, h, state, g, theta)
        state = done.state
        named = {f"s.{k}": x for k, x in state.items()} | {"theta": done.theta} | done.named
        out.append({k: interval(x) for k, x in named.items()})
    return out
