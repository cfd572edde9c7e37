"""Hypothesis strategies: gradient laws mixed with drawn numbers, over hyperparameters and layouts.

One example is one trajectory of many elements, so that Hypothesis explores and the target's arrays
do the work. The only module of the package that imports Hypothesis when it is imported.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from adamcheck.declared import Declared
from adamcheck.formats import Format
from adamcheck.inputs.laws import LAWS
from adamcheck.inputs.numbers import Float64, representable, rounded
from adamcheck.inputs.sequences import battery
from adamcheck.inputs.zone import zone
from adamcheck.spec import Spec
from adamcheck.spec.hyperparameters import HYPERPARAMETERS, Hyperparameter
from adamcheck.targets.protocol import Description, Trajectory

EXTRAS: Final = {
    "twin": "stepwise",
    "missing": "missing",
    "preload": "load_moments",
    "reload": "state",
    "moments": "moments",
}
"""Parts of a trajectory that are drawn only when asked for, as each changes how it is judged; and
the ability that each needs."""

_SEED: Final = st.integers(0, 2**16)
_COIN: Final = st.booleans()
_START: Final = st.sampled_from(("zero", "one", "normal", "mixed", "negative zero"))
_LOADED: Final = st.sampled_from((1, 2, 10, 127, 128, 255, 256, 999, 2047, 2048))


def hyperparameters(
    fmt: Format, names: Sequence[str], *, zero_eps: bool = False
) -> st.SearchStrategy[dict[str, float]]:
    """Values for the named hyperparameters: ordinary, dyadic, or at an edge of what is allowed.

    Narrow formats get values that they can hold: no ε that is 0 there and no β that is 1.
    """

    known = {name: HYPERPARAMETERS[name] for name in names}

    def plain(values: Mapping[str, tuple[float, ...]]) -> st.SearchStrategy[dict[str, float]]:
        return st.fixed_dictionaries(
            {name: st.sampled_from(_holdable(known[name], values[name], fmt)) for name in names}
        )

    edges = st.sampled_from(_edges(fmt, zero_eps)).map(
        lambda edge: {name: value for name, value in edge.items() if name in names}
    )
    exact = plain({name: one.drawn_dyadic for name, one in known.items()})
    mixed = st.builds(lambda base, edge: base | edge, exact, edges)
    choices = [exact, mixed]
    if not fmt.narrow:
        ordinary = plain({name: one.drawn for name, one in known.items()})
        usual = st.just({name: one.usual[0] for name, one in known.items()})
        edged = st.builds(lambda base, edge: base | edge, ordinary, edges)
        choices = [usual, ordinary, *choices, edged]
    return st.one_of(choices).map(lambda drawn: {name: drawn[name] for name in names})


def shapes(max_elements: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes of one parameter: 0-d to 4-d, sizes 0, 1, 2 … 33, odd ones, larger than a vector."""
    special = [(0,), (3, 0), (1, 1), (7, 5), (2, 3, 5), (3, 1, 2, 5), (65, 3), (257,), (1025,)]
    vectors = st.integers(1, min(33, max_elements)).map(lambda n: (n,))
    # an example costs a run of the target: many of them hold many elements
    large = st.integers(max(1, max_elements // 2), max_elements).map(lambda n: (n,))
    side = st.integers(1, max(1, math.isqrt(max_elements)))
    boxes = [
        st.tuples(*[side] * axes).map(lambda sides: _fitted(sides, max_elements))
        for axes in (2, 3, 4)
    ]
    listed = st.sampled_from([shape for shape in special if math.prod(shape) <= max_elements])
    return st.one_of(vectors, large, st.just(()), listed, *boxes, large)


def _declared(
    drawn: st.SearchStrategy[tuple[int, ...]], declared: Declared
) -> st.SearchStrategy[tuple[int, ...]]:
    """Only shapes that the target says it takes: others are laid out as one axis of enough."""
    if not (declared.one_dimensional or declared.least_size):
        return drawn
    least = max(1, declared.least_size)
    return drawn.map(
        lambda shape: shape if declared.takes(shape) else (max(least, math.prod(shape)),)
    )


def trajectories(
    fmt: Format,
    description: Description,
    *,
    spec: Spec = Spec(),  # noqa: B008 (frozen)
    max_steps: int = 40,
    max_elements: int = 600,
    safe: bool = True,
    flags: Sequence[frozenset[str]] = (frozenset(),),
    hyper: Mapping[str, float] | None = None,
    zero_eps: bool = False,
    extras: Sequence[str] = (),
) -> st.SearchStrategy[Trajectory]:
    """Trajectories that the described target can be asked for.

    ``spec`` says which hyperparameters are read, ``hyper`` pins some, ``flags`` are the sets of
    options to choose from. ``safe`` keeps gradients where most element-steps can be decided.
    ``extras`` (see EXTRAS) are drawn as far as the target has the ability for them.
    """
    abilities = description.abilities
    declared = description.declared
    takes = description.hyperparameters | declared.fixed.keys()
    names = [n for n in spec.hyperparameters if n in takes]
    layout = st.sampled_from(description.layouts if "layouts" in abilities else ("C",))
    most = 3 if "many" in abilities else 1
    half = (max_steps + 1) // 2
    # built once: building strategies costs more than drawing from them
    return _trajectories(
        fmt,
        hyperparameters(fmt, names, zero_eps=zero_eps).map(
            lambda drawn: declared.settled(drawn | dict(hyper or {}))
        ),
        # drawn integers favour their ends, and one step shows little
        st.one_of(*[st.integers(low, max_steps) for low in (1, half, half, half)]),
        st.lists(_declared(shapes(max_elements), declared), min_size=1, max_size=most),
        st.sampled_from(list(flags)),
        layout,
        _laws(safe),
        frozenset(extra for extra in extras if EXTRAS[extra] in abilities),
        safe,
    )


@st.composite
def _trajectories(
    draw: st.DrawFn,
    fmt: Format,
    hyper: st.SearchStrategy[dict[str, float]],
    lengths: st.SearchStrategy[int],
    parameters: st.SearchStrategy[list[tuple[int, ...]]],
    flags: st.SearchStrategy[frozenset[str]],
    layout: st.SearchStrategy[str],
    laws: st.SearchStrategy[list[str]],
    extras: frozenset[str],
    safe: bool,
) -> Trajectory:
    numbers, steps = draw(hyper), draw(lengths)
    drawn = draw(parameters)
    known = {name: one.usual[0] for name, one in HYPERPARAMETERS.items()} | numbers
    theta0, grads = [], []
    for shape in drawn:
        size = math.prod(shape)
        columns = _gradients(draw, fmt, known, steps, size, draw(laws), safe)
        grads.append(columns.reshape(steps, *shape))
        theta0.append(_parameters(draw, fmt, size).reshape(shape))
    return Trajectory(
        theta0=tuple(theta0),
        grads=tuple(grads),
        hyper=numbers,
        flags=draw(flags),
        theta_layout=draw(layout),
        grad_layout=draw(layout),
        **_extras(draw, extras, fmt, known, steps, drawn),
    )


def _extras(
    draw: st.DrawFn,
    wanted: frozenset[str],
    fmt: Format,
    hyper: Mapping[str, float],
    steps: int,
    parameters: list[tuple[int, ...]],
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("twin", "moments"):
        if name in wanted:
            found[name] = draw(_COIN)
    if "missing" in wanted and draw(_COIN):
        row = st.lists(_COIN, min_size=len(parameters), max_size=len(parameters))
        found["present"] = np.array(draw(st.lists(row, min_size=steps, max_size=steps)), bool)
    if "reload" in wanted and draw(_COIN):
        found["reload_after"] = draw(st.integers(0, steps))
    if "preload" in wanted and draw(_COIN):
        t = draw(_LOADED)
        found["preload"] = tuple(_preload(draw, fmt, hyper, shape, t) for shape in parameters)
    return found


def _laws(safe: bool) -> st.SearchStrategy[list[str]]:
    # "constant" stands first: it is what Hypothesis shrinks towards
    regimes = ("safe",) if safe else ("safe", "extreme")
    known = sorted((n for n in LAWS if LAWS[n].regime in regimes), key=lambda n: n != "constant")
    return st.lists(st.sampled_from(known), min_size=1, max_size=4, unique=True)


def _gradients(
    draw: st.DrawFn,
    fmt: Format,
    hyper: Mapping[str, float],
    steps: int,
    size: int,
    laws: list[str],
    safe: bool,
) -> NDArray[Any]:
    seed = draw(_SEED)
    built = battery(fmt, hyper, steps, seed=seed, laws=laws, safe=safe)
    if not built.labels:
        built = battery(fmt, hyper, steps, seed=seed, laws=["constant"], safe=safe)
    # a drawn first column, so that every column of a law comes to stand at every position
    columns = built.grads[:, (draw(_SEED) + np.arange(size)) % max(len(built.labels), 1)]
    if size and draw(_COIN):
        columns[:, draw(st.integers(0, size - 1))] = _drawn(draw, fmt, hyper, steps, safe)
    return np.ascontiguousarray(columns)


def _drawn(
    draw: st.DrawFn, fmt: Format, hyper: Mapping[str, float], steps: int, safe: bool
) -> NDArray[Any]:
    # numbers that Hypothesis chose itself, held for the rest of the run
    width = 16 if fmt.short_ranged else 64 if fmt.is_double else 32
    reach = zone(fmt, hyper).largest if safe else None
    number = st.floats(
        width=width,  # type: ignore[arg-type]
        min_value=None if reach is None else -reach,
        max_value=reach,
        allow_nan=False,
        allow_infinity=False,
    )
    values = np.array(draw(st.lists(number, min_size=1, max_size=min(steps, 12))))
    return rounded(representable(np.resize(values, steps), fmt), fmt)


def _parameters(draw: st.DrawFn, fmt: Format, size: int) -> NDArray[Any]:
    kind = draw(_START)
    rng = np.random.default_rng(draw(_SEED))
    values: Float64 = np.zeros(size)
    if kind == "one":
        values = np.ones(size)
    elif kind == "normal":
        values = rng.standard_normal(size)
    elif kind == "mixed":
        reach = min(fmt.max_exponent - 4, 20)
        values = rng.choice((-1.0, 1.0), size) * np.exp2(rng.uniform(-reach, reach, size))
    elif kind == "negative zero":
        values = np.full(size, -0.0)
    return rounded(representable(values, fmt), fmt)


def _preload(
    draw: st.DrawFn, fmt: Format, hyper: Mapping[str, float], shape: tuple[int, ...], t: int
) -> dict[str, Any]:
    # moments as t gradients of mean a and spread b would leave them; v >= m²·(1-β2^t) is possible
    rng = np.random.default_rng(draw(_SEED))
    mean, spread = rng.standard_normal((2, *shape)) * zone(fmt, hyper).ordinary
    m = (1.0 - hyper["beta1"] ** t) * mean
    v = (1.0 - hyper["beta2"] ** t) * (mean * mean + spread * spread)
    return {"m": _held(m, fmt), "v": _held(v, fmt), "t": t}


def _fitted(sides: tuple[int, ...], most: int) -> tuple[int, ...]:
    # halve the longest side until the box is small enough
    while math.prod(sides) > most:
        longest = max(range(len(sides)), key=lambda i: sides[i])
        sides = tuple(side // 2 if i == longest else side for i, side in enumerate(sides))
    return sides


def _held(values: Float64, fmt: Format) -> NDArray[Any]:
    return rounded(representable(values, fmt), fmt)


def _holdable(one: Hyperparameter, values: tuple[float, ...], fmt: Format) -> list[float]:
    if one.role in ("average", "floor"):
        return [x for x in values if one.follows(x, fmt)]
    # of rates, those too whose products lose digits: how many is what the envelope says
    return [x for x in values if x == 0.0 or fmt.rounded(x) >= fmt.smallest_normal]


def _edges(fmt: Format, zero_eps: bool) -> list[dict[str, float]]:
    """Choices at which rules and their implementations change character."""
    found: list[dict[str, float]] = [
        {"beta1": 0.0},
        {"beta1": 0.875, "beta2": 0.875},
        {"beta1": 0.875, "beta2": 0.5},  # β2 < β1²: the step bound grows without limit
        {"beta1": 0.5, "beta2": 0.25},  # β2 = β1²
        {"beta2": 0.0},
        {"beta1": 0.0, "beta2": 0.0},
        {"eps": 1.0},
        {"lr": 2.0**3},
    ]
    if zero_eps:
        found += [{"eps": 0.0}, {"eps": 0.0, "beta1": 0.0}]
    if not fmt.narrow:
        found += [{"lr": 1e3}, {"lr": 2.0**-30}, {"beta1": 0.99}, {"beta1": 0.9, "beta2": 0.9}]
    return found
