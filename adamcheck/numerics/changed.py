"""A changed program with its bounds over arrays: the operations no rule has.

What a mutant computes is judged like a rule: the further operations of adamcheck.mutations.language
have bounds of their own here, all others those of emit.py.

- A test of exact numbers decides exactly; where the operands' errors reach over the boundary, both
  branches are admissible and nothing is known.
- Rounding is monotone, so the image of an interval under it lies between the images of its ends.
- The larger of two numbers further apart than both may move is the same one in every evaluation.
- A mean of n numbers in any order rounds at most n times: γ_n·(Σ|x|+Σe) + Σe, over n.
- The Euclidean norm moves by at most the norm of the errors (triangle inequality); its squares, sum
  and root round n+2 times, and n squares that underflow lose at most √(n·η).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import FORMATS
from adamcheck.numerics import error_bounds
from adamcheck.numerics.emit import Emitter
from adamcheck.numerics.meanings import MEANING, holds
from adamcheck.numerics.stepwise import Stepwise
from adamcheck.program import Op, Program

Array = NDArray[np.float64]
FURTHER: Final = {
    "min": "-larger_of(-{0}, -{1})",
    "ge": "holds({0} >= {1})",
    "equal": "holds({0} == {1})",
    "mod": "{0} % {1}",
    "round": "near({0}, {name!r})",
    "mean": "c.arrays.mean({0})",
    "norm": "c.arrays.norm({0})",
    "largest": "c.arrays.largest({0})",
}
"""The further operations as Python text."""
_TESTS: Final = ("ge", "equal")
_COUPLING: Final = ("mean", "norm", "largest")


@dataclass(frozen=True)
class Arrays:
    """Which columns make up an array: ``[N]`` numbers, equal where the array is the same.

    The columns of one array stand side by side and are all there. What is asked of numbers
    ``[…, N]`` is asked of every row. wide: whether sums over them round once only, as those of an
    accumulator in a wider format do.
    """

    of: NDArray[np.int64]
    wide: bool = False

    @property
    def roundings(self) -> Any:
        """How many roundings a sum takes in any order."""
        return 1.0 if self.wide else self.sizes

    def _starts(self) -> NDArray[np.intp]:
        return np.flatnonzero(np.r_[True, self.of[1:] != self.of[:-1]])

    @property
    def sizes(self) -> Array:
        """The size of each column's array ``[N]``."""
        starts = self._starts()
        counts = np.diff(np.r_[starts, len(self.of)])
        return np.repeat(counts.astype(np.float64), counts)

    def _each(self, reduce: np.ufunc, x: Any) -> Array:
        full = np.asarray(x, np.float64)
        full = np.broadcast_to(full, np.broadcast_shapes(full.shape, self.of.shape))
        starts = self._starts()
        counts = np.diff(np.r_[starts, len(self.of)])
        return np.repeat(reduce.reduceat(full, starts, axis=-1), counts, axis=-1)

    def total(self, x: Any) -> Array:
        """The sum over each array."""
        return self._each(np.add, x)

    def mean(self, x: Any) -> Array:
        """The mean over each array."""
        return self.total(x) / self.sizes

    def norm(self, x: Any) -> Array:
        """The Euclidean norm of each array."""
        return np.asarray(np.sqrt(self.total(np.asarray(x) * np.asarray(x))))

    def largest(self, x: Any) -> Array:
        """The largest magnitude in each array."""
        return self._each(np.maximum, np.abs(x))


def near(x: Any, name: str) -> Any:
    """x rounded to a format, or to so many significand bits, and back."""
    if name in FORMATS:
        return np.asarray(x).astype(FORMATS[name].dtype).astype(np.float64)
    fraction, exponent = np.frexp(x)
    steps = 2.0 ** int(name)
    return np.ldexp(np.rint(fraction * steps) / steps, exponent)


def doubted(gap: Any, e: Any) -> Any:
    """The bound of a test of numbers ``gap`` apart, known to within e together: 0 or 1."""
    return np.where((e <= 0.0) | (e * error_bounds.SLACK < gap), 0.0, 1.0)


def extreme(above: Any, share: Any, ex: Any, ey: Any) -> Any:
    """The bound of the larger of two numbers, the first of which is so much above the second.

    Of any two admissible evaluations, ``share`` bounds apart, the same one is the larger where the
    distance is more than both may move.
    """
    sure = share * (ex + ey) * error_bounds.SLACK < np.abs(above)
    return np.where(sure, np.where(above > 0.0, ex, ey), np.maximum(ex, ey))


def rounded_image(x: Any, e: Any, name: str) -> Any:
    """How far from near(x) a number within e of x may be rounded."""
    middle = near(x, name)
    above = near(np.where(e > 0.0, np.nextafter(x + e, np.inf), x), name)
    below = near(np.where(e > 0.0, np.nextafter(x - e, -np.inf), x), name)
    return np.maximum(above - middle, middle - below)


def mean_bound(arrays: Arrays, x: Any, e: Any, u: Any, eta: Any) -> Any:
    """The bound of a mean in any order."""
    n = arrays.sizes
    gamma = _gamma(arrays.roundings, u)
    moved = arrays.total(e)
    return ((moved + gamma * (arrays.total(np.abs(x)) + moved)) / n + eta) * error_bounds.SLACK


def norm_bound(arrays: Arrays, x: Any, e: Any, u: Any, eta: Any) -> Any:
    """The bound of a Euclidean norm in any order."""
    n = arrays.sizes
    moved = arrays.norm(e)
    return (
        moved + _gamma(arrays.roundings + 2.0, u) * (arrays.norm(x) + moved) + np.sqrt(n * eta)
    ) * error_bounds.SLACK


def _gamma(n: Any, u: Any) -> Any:
    return np.where(n * u < 0.5, n * u / np.maximum(1.0 - n * u, 0.5), np.inf)


class ChangedEmitter(Emitter):
    """The emitter with the further operations."""

    def value(self, i: int) -> str:
        """The line that computes value i; an edit's constant is the double nearest to it."""
        op = self.program.ops[i]
        if op.kind == "const":
            assert op.value is not None
            return f"h{i} = np.float64({float(op.value)!r})"  # which divides by zero as arrays do
        if op.kind not in FURTHER:
            return super().value(i)
        return f"h{i} = " + FURTHER[op.kind].format(*(f"h{k}" for k in op.args), name=op.name)

    def scalar_bound(self, i: int) -> str:
        """Bound of a uniform value, infinite where it does not fit the arrays' format.

        A rule's own scalars do; what a change makes of them is cast where it meets an array.
        """
        text = self._further(i) or super().scalar_bound(i)
        return text if self.program.ops[i].kind == "const" else f"within({text}, a{i}, largest)"

    def bound(self, i: int) -> str:
        """Bound of an elementwise value."""
        return self._further(i) or super().bound(i)

    def _further(self, i: int) -> str:
        op = self.program.ops[i]
        a, e = [f"h{k}" for k in op.args], [f"e{k}" for k in op.args]
        match op.kind:
            case "ge" | "equal":
                return f"doubted(magnitude({a[0]} - {a[1]}), c.share * ({e[0]} + {e[1]}))"
            case "mod":  # of whole numbers
                return f"inexact({e[0]} + {e[1]})"
            case "min" | "max":
                return self._extreme(i)
            case "round":
                return f"rounded_image({a[0]}, c.share * {e[0]}, {op.name!r})"
            case "mean" | "norm":
                return f"{op.kind}_bound(c.arrays, {a[0]}, {e[0]}, u, eta)"
            case "largest":
                return f"c.arrays.largest({e[0]})"
        return ""

    def _extreme(self, i: int) -> str:
        """That of the operand which is chosen, where that is sure; a scalar is cast."""
        program, op = self.program, self.program.ops[i]
        x, y = op.args
        parts = [f"e{x}", f"e{y}"]
        if i not in program.uniform:
            eta = "eta" if i in program.before_moments else "far"
            cast = [f" + u * a{k} + {eta}" if k in program.uniform else "" for k in op.args]
            parts = [f"{self._as_given(k)}{c}" for k, c in zip(op.args, cast, strict=True)]
        above = f"h{x} - h{y}" if op.kind == "max" else f"h{y} - h{x}"
        return f"extreme({above}, c.share, {parts[0]}, {parts[1]})"

    def _reach(self, i: int) -> str:
        """An average whose weight is no longer one may be larger than what it is of."""
        return f"larger(a{i}, {super()._reach(i)})"

    def _chosen(self, condition: int, x: str, y: str) -> str:
        if self.program.ops[condition].kind in _TESTS:  # a truth is 0 or 1
            return f"chosen(h{condition} > 0.0, 1.0, e{condition}, {x}, {y})"
        return super()._chosen(condition, x, y)


def _inexact(e: Any) -> Any:
    return np.where(e > 0.0, np.inf, 0.0)


WORDS: Final = {
    "holds": holds,
    "near": near,
    "doubted": doubted,
    "extreme": extreme,
    "rounded_image": rounded_image,
    "mean_bound": mean_bound,
    "norm_bound": norm_bound,
    "inexact": _inexact,
}
"""What the texts of further operations call by name."""


@lru_cache(maxsize=512)
def changed_step(program: Program) -> Stepwise:
    """The step of a program with further operations.

    The constants of a step hold besides ``arrays`` (an Arrays) and ``share``, in how many bounds of
    each other two admissible evaluations lie.
    """
    return Stepwise(program, ChangedEmitter(program, paired=False), WORDS)


def evaluated(
    ops: Sequence[Op], inputs: Mapping[str, Any], arrays: Arrays, known: list[Any]
) -> list[Any]:
    """``known`` values of the first operations, with those of the rest appended; without bounds.

    In float64, for looking around, where nothing is judged. Raises KeyError for a missing input.
    """
    for op in ops[len(known) :]:
        args = [known[k] for k in op.args]
        if op.kind == "input":
            known.append(inputs[op.name])
        elif op.kind == "const":
            assert op.value is not None
            known.append(np.float64(op.value))
        elif op.kind == "round":
            known.append(near(args[0], op.name))
        elif op.kind in _COUPLING:
            known.append(getattr(arrays, op.kind)(args[0]))
        else:
            with np.errstate(all="ignore"):
                known.append(MEANING[op.kind](*args))
    return known
