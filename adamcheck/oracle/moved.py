"""The scalars that an order of evaluation may move across operations, read off the program.

They are the uniform factors and divisors between the moments, or the gradient, and the update: what
an order may keep multiplied into a partial result, or leave out of it for later. Theorem
moved-scalars says what that costs where a partial result underflows or overflows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck.numerics.meanings import MEANING
from adamcheck.program import Program, trace
from adamcheck.spec import Spec

Array = NDArray[np.float64]


Guard = tuple[int, bool]
"""A uniform value, and whether it has to be above 0: the branch of a choice."""


@dataclass(frozen=True)
class Scalar:
    """One movable scalar: a uniform value of the program, and how it stands in the update.

    power: 1, or 1/2 where it is moved out of a root. divisor: something is divided by it. under: it
    stands in what the update is divided by. guard: where it takes part; None for everywhere.
    """

    index: int
    power: float
    divisor: bool
    under: bool
    guard: Guard | None


@lru_cache(maxsize=2048)
def movable(program: Program) -> tuple[Scalar, ...]:
    """The movable scalars of a program; raises ValueError where no way to the update is found."""
    walk = _Walk(program)
    if not walk.descends(program.output["update"]):
        raise ValueError(f"{program.spec}: the update is made of no moment and no gradient")
    rate = program.inputs["h.lr"]
    if not any(scalar.index == rate for scalar in walk.scalars.values()):
        walk.add(rate)  # it went into a state together with the gradient
    return tuple(walk.scalars.values())


class _Walk:
    """From the update down to the moments, through everything that came after them."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.scalars: dict[tuple[int, Guard | None], Scalar] = {}
        self._done: dict[tuple[Any, ...], bool] = {}
        # a maximum is a moment that scalars pass through
        self._ends = {program.inputs["g"]} | {
            i
            for name in program.moments
            if name not in program.late
            and program.ops[i := program.output[f"s.{name}"]].kind != "max"
        }

    def descends(
        self, i: int, power: float = 1.0, under: bool = False, guard: Guard | None = None
    ) -> bool:
        """Whether value i is made of a moment or gradient; its scalars are kept on the way."""
        key = (i, power, under, guard)
        if key not in self._done:
            self._done[key] = self._descends(i, power, under, guard)
        return self._done[key]

    def _descends(self, i: int, power: float, under: bool, guard: Guard | None) -> bool:
        program, op = self.program, self.program.ops[i]
        if i in self._ends:
            return True
        if i in program.uniform or op.kind == "input":
            return False
        if op.kind == "sqrt":
            return self.descends(op.args[0], power / 2.0, under, guard)
        if op.kind == "choose":
            condition, *values = op.args
            guards = ((condition, True), (condition, False))
            ways = zip(values, guards, strict=True)
            return self._any(self.descends(k, power, under, where) for k, where in ways)
        if op.kind in ("mul", "div"):
            return self._product(i, power, under, guard)
        if op.kind not in ("neg", "add", "sub", "max"):
            raise ValueError(f"{program.spec}: no scalar is known to pass through {op.kind!r}")
        return self._any(self.descends(k, power, under, guard) for k in op.args)

    @staticmethod
    def _any(ways: Iterable[bool]) -> bool:
        """Whether one of the ways is true, all of them walked."""
        return max(list(ways))

    def _product(self, i: int, power: float, under: bool, guard: Guard | None) -> bool:
        op, uniform = self.program.ops[i], self.program.uniform
        x, y = op.args
        divides = op.kind == "div"
        over = under != divides  # whether what stands second is in what the update is divided by
        if x in uniform or y in uniform:
            scalar, rest = (x, y) if x in uniform else (y, x)
            found = self.descends(rest, power, over if rest == y else under, guard)
            if found:  # a decay times the parameter is no factor of the update
                self.add(scalar, power, divides and scalar == y, under, guard)
            return found
        if x == y and not divides:
            return self.descends(x, 2.0 * power, under, guard)
        ways = ((x, under), (y, over))
        return self._any(self.descends(k, power, where, guard) for k, where in ways)

    def add(
        self,
        i: int,
        power: float = 1.0,
        divisor: bool = False,
        under: bool = False,
        guard: Guard | None = None,
    ) -> None:
        """Keep a scalar; a product or quotient of scalars is its parts."""
        op = self.program.ops[i]
        if self.program.is_correction(i):
            guard = None  # it is at hand in each branch, and may be moved into the rate before
        if op.kind in ("mul", "div"):
            self.add(op.args[0], power, divisor, under, guard)
            self.add(op.args[1], power, divisor or op.kind == "div", under, guard)
        elif op.kind != "const":
            known = self.scalars.get((i, guard))
            if known is not None:
                power, divisor = max(power, known.power), divisor or known.divisor
                under = under or known.under
            self.scalars[i, guard] = Scalar(i, power, divisor, under, guard)


def stretches(spec: Spec, hyper: Mapping[str, Any], steps: int, first: int) -> tuple[Array, Array]:
    """By how much moved scalars may shrink and enlarge a partial result at steps first+1 ….

    Of several runs at once, ``[R, steps]``, where hyperparameters are ``[R, 1]``.

    Both are Π max(s, 1/s) but where the scalars are Adam's: α, a correction that divides the
    numerator and one that divides the root below it. No order divides by both of these at once
    (theorem moved-scalars), so that the larger of the two is enough for what is enlarged.
    """
    program = trace(spec)
    values = _Values(program, hyper, steps, first)
    rate = program.inputs["h.lr"]
    sizes: dict[int, Array] = {}
    for scalar in movable(program):
        s = np.abs(values.of(scalar.index))
        with np.errstate(all="ignore"):
            size = np.maximum(s, 1.0 / s) ** scalar.power
        if not scalar.divisor:  # a factor of 0 leaves nothing to be moved
            size = np.where(s == 0.0, 1.0, size)
        if scalar.guard is not None:
            condition, above = scalar.guard
            size = np.where((values.of(condition) > 0.0) == above, size, 1.0)
        # 1-β^t and 1-β^(t+1) are in a summand each: the larger factor serves (moved-scalars)
        group = _product_behind(program, scalar.index)
        sizes[group] = np.maximum(sizes.get(group, np.ones(steps)), size)
    with np.errstate(all="ignore"):
        smaller = np.prod(np.broadcast_arrays(*sizes.values()), axis=0)
        pace = sizes.pop(rate)
        most = np.max(np.broadcast_arrays(np.ones(steps), *sizes.values()), axis=0)
        return smaller, pace * most if _of_adam(program) else smaller


def _product_behind(program: Program, i: int) -> int:
    """The decay product that a correction is made of, at the clock's new value; else i itself."""
    if not program.is_correction(i):
        return i
    i = program.ops[i].args[1]
    while program.ops[k := program.ops[i].args[0]].kind == "decay":
        i = k
    return i


def _of_adam(program: Program) -> bool:
    rate = program.inputs["h.lr"]
    rest = {(s.power, s.under): s for s in movable(program) if s.index != rate}
    corrections = [s for s in rest.values() if s.divisor and program.is_correction(s.index)]
    return (
        rest.keys() <= {(1.0, False), (0.5, True)}
        and len(corrections) == len(movable(program)) - 1
        and all(s.guard is None for s in corrections)
    )


class _Values:
    """A program's uniform values at many steps at once, in float64.

    They are ``[R, steps]``, of R runs, where hyperparameters are ``[R, 1]``.

    A decay product is exp(Σ ln β), and 1 less it -expm1(Σ ln β): no digits are lost beside 1.
    """

    def __init__(self, program: Program, hyper: Mapping[str, Any], steps: int, first: int) -> None:
        self.program, self.hyper, self.first, self.last = program, hyper, first, first + steps
        self._known: dict[int, Array] = {}
        self._logs: dict[int, Array] = {}
        self._start: dict[str, Any] | None = None

    def of(self, i: int) -> Array:
        """Value i at the steps asked for."""
        with np.errstate(all="ignore"):
            value = self._value(i)
            shape = np.broadcast_shapes(value.shape, (self.last,))
            return np.asarray(np.broadcast_to(value, shape)[..., self.first :])

    def _value(self, i: int) -> Array:
        if i not in self._known:
            self._known[i] = np.asarray(self._compute(i), np.float64)
        return self._known[i]

    def _compute(self, i: int) -> Any:
        op = self.program.ops[i]
        if op.kind == "input":
            scope, _, name = op.name.partition(".")
            return self.hyper[name] if scope == "h" else self._before(name)
        if op.kind == "const":
            assert op.value is not None
            return float(op.value)
        if op.kind == "decay":
            return np.exp(self._log(i))
        if self.program.is_correction(i):
            return -np.expm1(self._log(op.args[1]))
        return MEANING[op.kind](*(self._value(k) for k in op.args))

    def _log(self, i: int) -> Array:
        """Σ ln β up to each step: of a clock from its start on, of β^t·β one factor more."""
        if i not in self._logs:
            power, beta = self.program.ops[i].args
            factor = np.log(np.abs(self._value(beta)))
            op = self.program.ops[power]
            if op.kind == "input" and self.program.output[op.name] == i:
                ahead = int(self.program.spec.first_t) - 1  # ln β^(t-1) of the step before
                t = np.arange(1, self.last + 1) + ahead
                alike = factor.shape[-1:] in ((), (1,))  # at every step
                total = t * factor if alike else np.cumsum(factor, axis=-1)
                self._logs[i] = np.asarray(total)
            else:
                self._logs[i] = self._log(power) + factor
        return self._logs[i]

    def _before(self, clock: str) -> Any:
        """A clock before each step: counted, or one that does not change."""
        i = self.program.output[f"s.{clock}"]
        op = self.program.ops[i]
        if op.kind == "input":
            return self._started(clock)
        if op.kind == "decay":  # β^t of the step before
            return np.exp(self._log(i)) / self._value(op.args[1])
        if self.program.is_count(i):
            return self._started(clock) + np.arange(self.last)
        raise ValueError(f"{self.program.spec}: no closed form of the clock {clock!r} is known")

    def _started(self, clock: str) -> Any:
        from adamcheck.rules import initial_state

        if self._start is None:
            names = self.program.spec.hyperparameters
            numbers = {name: self.hyper[name] for name in names}
            self._start = initial_state(self.program.spec, numbers, 0.0, 1.0)
        return self._start[clock]
