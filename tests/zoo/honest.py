"""Honest evaluation orders of Algorithm 1 of Kingma & Ba 2015: one formula, many roundings.

A gate that fails one of these raises a false alarm. dialects.py has the other honest targets: the
options, and the rules that are not Algorithm 1.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[1])) not in sys.path:
    sys.path.append(_tests)  # a target file is loaded by its path alone

from adamcheck.mutations.fused import fma
from zoo.base import Adam, Array, Slot
from zoo.record import BFLOAT16, FLOAT32, FLOAT64, NARROW, WIDE, Cage, Honest

cage = Cage(__file__)
Scalar = Callable[[float], Any]


@cage.honest("textbook")
class Textbook(Adam):
    """The paper line by line, in the array's dtype; its parts are what other orders replace.

    ``c`` rounds a float64 scalar once to the dtype of the arrays.
    """

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        c = theta.dtype.type
        g = self.gradient(theta, g, c)
        slot.m = np.asarray(self.first(slot.m, g, slot, c), slot.m.dtype)
        slot.v = np.asarray(self.second(slot.v, g, slot, c), slot.v.dtype)
        theta = self.decayed(theta, slot, c)
        return theta - self.update(slot, c)

    def gradient(self, theta: Array, g: Array, c: Scalar) -> Array:
        g = -g if self.maximize else g
        if self.weight_decay and self.decay == "l2":
            g = g + c(self.weight_decay) * theta
        return g

    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return c(self.beta1) * m + c(1 - self.beta1) * g

    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return c(self.beta2) * v + c(1 - self.beta2) * (g * g)

    def decayed(self, theta: Array, slot: Slot, c: Scalar) -> Array:
        if self.weight_decay and self.decay == "decoupled":
            theta = theta * c(1 - self.lr * self.weight_decay)
        return theta

    def corrections(self, slot: Slot) -> tuple[float, float]:
        return 1 - self.beta1**slot.t, 1 - self.beta2**slot.t

    def peak(self, slot: Slot) -> Array:
        """The v that the denominator uses: under AMSGrad the largest so far."""
        if slot.v_max is None:
            return slot.v
        slot.v_max = np.maximum(slot.v_max, slot.v)
        return slot.v_max

    def update(self, slot: Slot, c: Scalar) -> Array:
        bc1, bc2 = self.corrections(slot)
        return self.ratio(slot.m / c(bc1), self.peak(slot) / c(bc2), c)

    def ratio(self, m_hat: Array, v_hat: Array, c: Scalar) -> Array:
        return c(self.lr) * m_hat / self.denominator(v_hat, c)

    def denominator(self, v_hat: Array, c: Scalar) -> Array:
        return np.sqrt(v_hat) + c(self.eps)


# moments


@cage.honest("lerp")
class Lerp(Textbook):
    """m + (1-β1)(g-m), and the same for v."""

    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return m + c(1 - self.beta1) * (g - m)

    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return v + c(1 - self.beta2) * (g * g - v)


@cage.honest("new-term-first")
class NewTermFirst(Textbook):
    """(1-β1)g + β1·m, with g scaled before it is multiplied by itself."""

    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return g * c(1 - self.beta1) + m * c(self.beta1)

    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return g * (c(1 - self.beta2) * g) + v * c(self.beta2)


@cage.honest("square-weighted-first")
class SquareWeightedFirst(Textbook):
    """((1-β2)g)g instead of (1-β2)(g·g): overflows later, underflows elsewhere."""

    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return c(self.beta2) * v + (c(1 - self.beta2) * g) * g


@cage.honest("fused-multiply-add")
class FusedMultiplyAdd(Textbook):
    """Every multiply-add contracted, also the last one: θ + (-α)·(m̂/D)."""

    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return fma(c(self.beta1), m, c(1 - self.beta1) * g, m.dtype)

    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return fma(c(1 - self.beta2) * g, g, c(self.beta2) * v, v.dtype)

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        c = theta.dtype.type
        g = self.gradient(theta, g, c)
        slot.m = self.first(slot.m, g, slot, c)
        slot.v = self.second(slot.v, g, slot, c)
        bc1, bc2 = self.corrections(slot)
        quotient = (slot.m / c(bc1)) / self.denominator(slot.v / c(bc2), c)
        return fma(c(-self.lr), quotient, theta, theta.dtype)


@cage.honest("fused-other-product")
class FusedOtherProduct(FusedMultiplyAdd):
    """The other choice of which product is contracted."""

    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return fma(c(1 - self.beta1), g, c(self.beta1) * m, m.dtype)

    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return fma(c(self.beta2), v, c(1 - self.beta2) * (g * g), v.dtype)


# the step


@cage.honest("rate-last")
class RateLast(Textbook):
    """α·(m̂/D)."""

    def ratio(self, m_hat: Array, v_hat: Array, c: Scalar) -> Array:
        return c(self.lr) * (m_hat / self.denominator(v_hat, c))


@cage.honest("rate-over-correction")
class RateOverCorrection(Textbook):
    """(α/(1-β1^t))·m/D, the factor formed in float64."""

    def update(self, slot: Slot, c: Scalar) -> Array:
        bc1, bc2 = self.corrections(slot)
        return c(self.lr / bc1) * slot.m / self.denominator(self.peak(slot) / c(bc2), c)


@cage.honest("add-negative-rate")
class AddNegativeRate(NewTermFirst):
    """θ + (-α)·u with u = m̂/D, as functional libraries compose it."""

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        c = theta.dtype.type
        g = self.gradient(theta, g, c)
        slot.m = self.first(slot.m, g, slot, c)
        slot.v = self.second(slot.v, g, slot, c)
        bc1, bc2 = self.corrections(slot)
        u = (slot.m / c(bc1)) / self.denominator(slot.v / c(bc2), c)
        return theta + c(-self.lr) * u


@cage.honest("reassociated-one-line")
class ReassociatedOneLine(Textbook):
    """α√(1-β2^t)/(1-β1^t)·m/(√v + ε√(1-β2^t)): the paper's one line, with ε scaled to match."""

    def update(self, slot: Slot, c: Scalar) -> Array:
        bc1, bc2 = self.corrections(slot)
        root = math.sqrt(bc2)
        return c(self.lr * root / bc1) * slot.m / (np.sqrt(self.peak(slot)) + c(self.eps * root))


@cage.honest("reciprocals")
class Reciprocals(Textbook):
    """Division replaced by multiplication with a rounded reciprocal, everywhere."""

    def update(self, slot: Slot, c: Scalar) -> Array:
        bc1, bc2 = self.corrections(slot)
        m_hat, v_hat = slot.m * c(1 / bc1), self.peak(slot) * c(1 / bc2)
        return c(self.lr) * (m_hat * (c(1.0) / self.denominator(v_hat, c)))


@cage.honest("roots-divided")
class RootsDivided(Textbook):
    """√v/√(1-β2^t) instead of √(v/(1-β2^t))."""

    def update(self, slot: Slot, c: Scalar) -> Array:
        bc1, bc2 = self.corrections(slot)
        root = np.sqrt(self.peak(slot)) / c(math.sqrt(bc2))
        return c(self.lr / bc1) * (slot.m / (root + c(self.eps)))


@cage.honest("torch-like")
class TorchLike(Textbook):
    """lerp, mul, addcmul, addcdiv: half formats compute each operation in float32 and store it."""

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        dtype = theta.dtype
        wide = np.dtype(np.float32 if dtype.itemsize == 2 else dtype)
        c = wide.type

        def stored(x: Array) -> Array:
            return x.astype(dtype).astype(wide)

        theta, m, v, g = (x.astype(wide) for x in (theta, slot.m, slot.v, g))
        g = stored(self.gradient(theta, g, c))
        theta = stored(self.decayed(theta, slot, c))
        weight = 1 - self.beta1
        if weight < 0.5:
            m = stored(m + c(weight) * (g - m))
        else:
            m = stored(g - (g - m) * (c(1) - c(weight)))
        v = stored(c(self.beta2) * v)
        v = stored(v + c(1 - self.beta2) * g * g)
        slot.m, slot.v = m.astype(dtype), v.astype(dtype)
        moved = self.addcdiv(theta, m, self.peak(slot).astype(wide), slot, c, stored)
        return moved.astype(dtype)

    def addcdiv(
        self, theta: Array, m: Array, v: Array, slot: Slot, c: Scalar, stored: Callable[..., Array]
    ) -> Array:
        bc1, bc2 = self.corrections(slot)
        root = stored(stored(np.sqrt(v)) / c(math.sqrt(bc2)))
        return theta + c(-self.lr / bc1) * m / stored(root + c(self.eps))


@cage.honest("torch-capturable-like", dtypes=(FLOAT64, FLOAT32, BFLOAT16))
class TorchCapturable(TorchLike):
    """The denominator divided by the step size; float16 would overflow there."""

    def addcdiv(
        self, theta: Array, m: Array, v: Array, slot: Slot, c: Scalar, stored: Callable[..., Array]
    ) -> Array:
        bc1, bc2 = self.corrections(slot)
        size = -self.lr / bc1
        if not c(size):
            return theta
        root = stored(np.sqrt(v))
        return theta + m / stored(stored(root / c(math.sqrt(bc2) * size)) + c(self.eps / size))


@cage.honest("in-place-buffers")
class InPlaceBuffers(Textbook):
    """The caller's own arrays are updated in place; arithmetic through out= buffers."""

    def setup(self, params: Sequence[Array], **hyper: Any) -> None:
        super().setup(params, **hyper)
        self.callers = list(params)

    def advance(self, i: int, g: Array) -> None:
        self.thetas[i] = self.flat(self.callers[i], self.dtypes[i])
        super().advance(i, g)

    def shown(self, i: int) -> Array:
        np.copyto(self.callers[i], self.thetas[i].reshape(self.shapes[i]))
        return self.callers[i]

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        c = theta.dtype.type
        g = self.gradient(theta, g, c)
        bc1, bc2 = self.corrections(slot)
        a, b = np.empty_like(theta), np.empty_like(theta)
        np.multiply(slot.m, c(self.beta1), out=slot.m)
        np.multiply(g, c(1 - self.beta1), out=a)
        np.add(slot.m, a, out=slot.m)
        np.multiply(slot.v, c(self.beta2), out=slot.v)
        np.multiply(g, g, out=a)
        np.multiply(a, c(1 - self.beta2), out=a)
        np.add(slot.v, a, out=slot.v)
        np.divide(slot.v, c(bc2), out=a)
        np.sqrt(a, out=a)
        np.add(a, c(self.eps), out=a)
        np.multiply(slot.m, c(self.lr), out=b)
        np.divide(b, c(bc1), out=b)
        np.divide(b, a, out=b)
        return np.subtract(theta, b, out=theta)


@cage.honest("other-order-in-the-tail")
class OtherOrderInTheTail(Textbook):
    """Blocks of eight by one order, the rest by another: allowed, and not bit-stable by place."""

    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        new = super().first(m, g, slot, c)
        tail = slice(m.size - m.size % 8, None)
        new[tail] = m[tail] + c(1 - self.beta1) * (g[tail] - m[tail])
        return new


# scalars


@cage.honest("running-powers")
class RunningPowers(Textbook):
    """β^t as a running product in float64 (or, in a subclass, in the dtype of the arrays)."""

    def power_dtype(self, dtype: np.dtype[Any]) -> Any:
        return np.float64

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        s = self.power_dtype(theta.dtype)
        for name, beta in (("p1", self.beta1), ("p2", self.beta2)):
            slot.extra[name] = float(s(slot.extra.get(name, 1.0)) * s(beta))
        return super().kernel(theta, g, slot)

    def corrections(self, slot: Slot) -> tuple[float, float]:
        s = self.power_dtype(slot.m.dtype)
        return float(s(1) - s(slot.extra["p1"])), float(s(1) - s(slot.extra["p2"]))

    def restore(self, slot: Slot) -> None:
        s = self.power_dtype(slot.m.dtype)
        for name, beta in (("p1", self.beta1), ("p2", self.beta2)):
            slot.extra[name] = float(running_product(s(beta), slot.t))


def running_product(beta: Any, t: int) -> Any:
    """β multiplied t times in its own dtype, one rounding after another."""
    product = beta.dtype.type(1)
    while t and product:
        block = np.full(min(t, 65536) + 1, beta)
        block[0] = product
        product = np.multiply.accumulate(block)[-1]
        t -= block.size - 1
    return product


@cage.honest("expm1-corrections")
class Expm1Corrections(Textbook):
    """1-β^t as -expm1(t·log1p(-(1-β))): no cancellation for β close to one."""

    def corrections(self, slot: Slot) -> tuple[float, float]:
        return self._rest(self.beta1, slot.t), self._rest(self.beta2, slot.t)

    def _rest(self, beta: float, t: int) -> float:
        return -math.expm1(t * math.log1p(beta - 1)) if beta else 1.0


@cage.honest("array-scalars", dtypes=WIDE, scalars="array")
class ArrayScalars(Textbook):
    """β, 1-β and β^t formed in the dtype of the arrays: 1-fl32(.999) is off by 216 u."""

    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return c(self.beta1) * m + (c(1) - c(self.beta1)) * g

    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return c(self.beta2) * v + (c(1) - c(self.beta2)) * (g * g)

    def corrections(self, slot: Slot) -> tuple[float, float]:
        c = slot.m.dtype.type
        return self._rest(c(self.beta1), slot.t, c), self._rest(c(self.beta2), slot.t, c)

    def _rest(self, beta: Any, t: int, c: Scalar) -> float:
        return float(c(1) - np.power(beta, c(t)))


@cage.honest("array-running-powers", dtypes=WIDE, scalars="array")
class ArrayRunningPowers(RunningPowers, ArrayScalars):
    """The same with β^t multiplied up in the dtype of the arrays."""

    def power_dtype(self, dtype: np.dtype[Any]) -> Any:
        return dtype.type


@cage.honest("array-scalars-lerp", dtypes=WIDE, scalars="array")
class ArrayScalarsLerp(ArrayScalars):
    """Array scalars in the lerp order, α reassociated with the correction in the array's dtype."""

    def first(self, m: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return m + (c(1) - c(self.beta1)) * (g - m)

    def second(self, v: Array, g: Array, slot: Slot, c: Scalar) -> Array:
        return v + (c(1) - c(self.beta2)) * (g * g - v)

    def update(self, slot: Slot, c: Scalar) -> Array:
        bc1, bc2 = self.corrections(slot)
        return (c(self.lr) / c(bc1)) * (slot.m / self.denominator(self.peak(slot) / c(bc2), c))


# precision


@cage.honest("wide-arithmetic", dtypes=NARROW)
class WideArithmetic(Textbook):
    """float64 arithmetic over narrow storage: θ, m and v are rounded once a step."""

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        dtype = theta.dtype
        wide = super().kernel(theta.astype(np.float64), g.astype(np.float64), slot)
        return wide.astype(dtype)

    def update(self, slot: Slot, c: Scalar) -> Array:
        narrow = slot.m, slot.v
        slot.m, slot.v = (x.astype(np.float64) for x in narrow)
        moved = super().update(slot, c)
        slot.m, slot.v = narrow
        return moved


@cage.honest("wide-before-storage", dtypes=NARROW)
class WideBeforeStorage(Textbook):
    """float64 arithmetic that uses m and v before they are rounded for storage."""

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        dtype = theta.dtype
        slot.m, slot.v = (x.astype(np.float64) for x in (slot.m, slot.v))
        wide = super().kernel(theta.astype(np.float64), g.astype(np.float64), slot)
        slot.m, slot.v = (x.astype(dtype) for x in (slot.m, slot.v))
        return wide.astype(dtype)


@cage.honest("master-weights", dtypes=NARROW)
class MasterWeights(Textbook):
    """θ, m and v kept in float64; the caller sees θ rounded."""

    state_dtype = np.float64

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        master = slot.extra.get("master", theta.astype(np.float64))
        slot.extra["master"] = super().kernel(master, g.astype(np.float64), slot)
        return slot.extra["master"].astype(theta.dtype)


# the two other protocols


@cage.honest("make-closure")
def make_closure(
    theta0: Array, *, lr: float, beta1: float, beta2: float, eps: float
) -> Callable[[Array], Array]:
    """The smallest target: a closure, written without the base."""
    theta, c = np.array(theta0), theta0.dtype.type
    m, v, t = np.zeros_like(theta), np.zeros_like(theta), 0
    Textbook([theta], lr=lr, beta1=beta1, beta2=beta2, eps=eps)  # for its validation

    def step(grad: Array) -> Array:
        nonlocal theta, m, v, t
        if np.shape(grad) != theta.shape:
            raise ValueError(f"grad: shape {np.shape(grad)} is not {theta.shape}")
        t += 1
        with np.errstate(all="ignore"):
            m = np.asarray(c(beta1) * m + c(1 - beta1) * grad)
            v = np.asarray(c(beta2) * v + c(1 - beta2) * grad * grad)
            step_size = c(lr * math.sqrt(1 - beta2**t) / (1 - beta1**t))
            denominator = np.sqrt(v) + c(eps * math.sqrt(1 - beta2**t))
            theta = np.asarray(theta - step_size * m / denominator)
        return theta.copy()

    return step


@cage.honest("run-loop")
def run_loop(
    theta0: Array, grads: Sequence[Array], *, lr: float, beta1: float, beta2: float, eps: float
) -> list[Array]:
    """A whole trajectory at once."""
    adam = RootsDivided([theta0], lr=lr, beta1=beta1, beta2=beta2, eps=eps)
    return [adam.step([g])[0] for g in grads]


HONEST: tuple[Honest, ...] = tuple(cage.records)
