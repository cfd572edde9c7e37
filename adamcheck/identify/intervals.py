"""Between which numbers a constant of an inferred edit lies: those with which the departures fit.

The steps at which the dialect is first left are evaluated with many numbers side by side, with the
judge's bounds; a number with which one of them does not fit is excluded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import Format
from adamcheck.identify.batch import Array
from adamcheck.identify.lockstep import share, step_constants
from adamcheck.identify.places import place_of
from adamcheck.identify.windows import Windows
from adamcheck.mutations import Edit, apply
from adamcheck.numerics.changed import Arrays, changed_step, evaluated
from adamcheck.oracle import envelope
from adamcheck.oracle.envelope import Admission
from adamcheck.program import Program

_POWERS: Final = np.r_[-140:-60:8, -60:11, 16:129:8].astype(np.float64)
"""At which powers of two of a number's size others are tried around it, more of the nearer ones."""
_BETWEEN: Final = 32
_MOST: Final = 96


def interval(
    program: Program,
    edit: Edit,
    constants: tuple[tuple[str, float], ...],
    name: str,
    windows: Windows,
    fmt: Format,
    admission: Admission,
    *,
    later: bool,
) -> tuple[float, float]:
    """The numbers around ``constants[name]`` with which every first departure fits.

    The ends are numbers that do not fit, or infinite.
    """
    chosen = np.flatnonzero(windows.scored)
    if edit.operator not in ("couple", "clip-norm"):
        chosen = chosen[np.unique(np.linspace(0, len(chosen) - 1, _MOST).astype(np.intp))]
    else:
        chosen = np.flatnonzero(windows.whole)
    middle = dict(constants)[name]

    def outside(numbers: Array) -> NDArray[np.bool_]:
        tried = {n: np.full(len(numbers), x) for n, x in constants} | {name: numbers}
        return _ratio(program, edit, tried, windows, chosen, fmt, admission, later=later) > 1.0

    def fits(numbers: Array) -> NDArray[np.bool_]:
        return np.asarray(~outside(numbers)[:, telling].any(axis=1))

    # an edit that acted before it showed has left traces that one step of it does not explain
    with np.errstate(all="ignore"):
        telling = windows.scored[chosen] & ~outside(np.asarray([middle]))[0]

    with np.errstate(all="ignore"):
        return end(fits, middle, -1.0), end(fits, middle, 1.0)


def end(fits: Callable[[Array], NDArray[np.bool_]], middle: float, way: float) -> float:
    """The nearest number that does not fit, on one side of one that does."""
    away = (abs(middle) or 1.0) * 2.0**_POWERS
    good = fits(middle + way * away)
    if good.all():
        return way * np.inf
    k = int(np.argmin(good))
    low, high = (away[k - 1] if k else 0.0), away[k]
    spaced = np.geomspace if 0.0 < 4.0 * low < high else np.linspace
    between = spaced(low, high, _BETWEEN + 1)[1:]
    good = fits(middle + way * between)
    good[-1] = False
    return float(middle + way * between[int(np.argmin(good))])


def _ratio(
    program: Program,
    edit: Edit,
    numbers: dict[str, Array],
    windows: Windows,
    chosen: NDArray[np.intp],
    fmt: Format,
    admission: Admission,
    *,
    later: bool,
) -> Array:
    """Error over envelope of each window with each set of numbers ``[K, W]``."""
    count, width = len(next(iter(numbers.values()))), len(chosen)

    def tiled(x: Any) -> Array:
        return np.tile(np.asarray(x)[..., chosen], count)

    edited = apply(program, edit)
    run = changed_step(edited)
    arrays = Arrays(
        (
            np.arange(count)[:, None] * (windows.arrays.of.max() + 1) + windows.arrays.of[chosen]
        ).ravel()
    )
    lossy = envelope.roundings(program.spec, fmt, admission)
    c = step_constants(lossy, tiled(windows.reassociation), arrays)
    more = {name: np.repeat(x, width) for name, x in numbers.items()}
    zero = np.zeros(count * width)
    exact = dict.fromkeys([*more, "s.edit1"], zero)

    def given(inputs: Any, bounds: Any, memory: Any) -> tuple[dict[str, Array], dict[str, Array]]:
        values = {name: tiled(x) for name, x in inputs.items()}
        errors = {name: tiled(x) for name, x in bounds.items()}
        return values | more | {"s.edit1": memory}, errors | exact

    plain = program.expanded
    before = evaluated(plain.ops, windows.before, windows.arrays, [])
    memory = tiled(np.broadcast_to(before[place_of(program, edit)], windows.seen.shape))
    values, errors = given(windows.inputs, windows.bounds, memory)
    if later:
        first, radii = run(*given(windows.before, windows.before_bounds, memory), c)
        values |= {name: x for name, x in first.items() if name[:2] == "s."}
        errors |= {name: x for name, x in radii.items() if name[:2] == "s."}
    after, radii = run(values, errors, c)
    error = np.abs(after["theta"] - tiled(windows.seen))
    ratio = np.where(error == 0.0, 0.0, error / (share(fmt) * radii["theta"]))
    return np.asarray(ratio.reshape(count, width))
