"""Honest evaluation orders of every dialect: one formula, many roundings.

An order is a choice for each place where the formula can be written in several ways. Nothing here
knows the package's rules: the formulas are spelled again, so that a mistake in either shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from adamcheck.spec import Spec

from .arithmetic import Arithmetic, Array


@dataclass(frozen=True)
class Order:
    """How one honest implementation writes each part of a step."""

    name: str = "textbook"
    average: str = "plain"  # swapped, fma-old, fma-new, lerp, lerp-fma, lerp-ends
    square: str = "whole"  # (w·g)·g: "weighted"
    correct: str = "divide"  # reciprocal, roots, reassociated, joined, capturable
    final: str = "rate-last"  # rate-first, reciprocal, fma, negated
    powers: str = "pow"  # running, expm1
    shrink: str = "keep"  # minus, minus-fma, together
    wide: str = ""  # format of the arithmetic, if wider than that of the storage
    master: bool = False  # the parameter itself is kept wide


CHOICES: dict[str, tuple[Any, ...]] = {
    "average": ("plain", "swapped", "fma-old", "fma-new", "lerp", "lerp-fma", "lerp-ends"),
    "square": ("whole", "weighted"),
    "correct": ("divide", "reciprocal", "roots", "reassociated", "joined", "capturable"),
    "final": ("rate-last", "rate-first", "reciprocal", "fma", "negated"),
    "powers": ("pow", "running", "expm1"),
    "shrink": ("keep", "minus", "minus-fma", "together"),
}

ORDERS: tuple[Order, ...] = (
    Order(),
    Order("rate first", final="rate-first"),
    Order("lerp", average="lerp"),
    Order("lerp fused", average="lerp-fma", final="fma"),
    Order("lerp from either end", average="lerp-ends", square="weighted", correct="roots"),
    Order("fused old", average="fma-old", final="fma", shrink="minus-fma"),
    Order("fused new", average="fma-new", square="weighted", final="fma"),
    Order("new first", average="swapped", square="weighted", shrink="minus"),
    Order("reassociated one line", correct="reassociated", final="rate-first"),
    Order("one division, both corrections below", correct="joined"),
    Order("one division, running products", correct="joined", powers="running", average="lerp"),
    Order(
        "reassociated, running products",
        correct="reassociated",
        powers="running",
        average="fma-new",
    ),
    Order("capturable", correct="capturable", average="lerp", square="weighted"),
    Order("capturable expm1", correct="capturable", powers="expm1", shrink="minus"),
    Order("reciprocals", correct="reciprocal", final="reciprocal", average="swapped"),
    Order("roots divided", correct="roots", final="rate-first"),
    Order("roots, reciprocal", correct="roots", final="reciprocal", powers="expm1"),
    Order("expm1", powers="expm1"),
    Order("running", powers="running", final="negated", shrink="together"),
    Order("transformations", average="swapped", final="negated", shrink="together"),
    Order("wide", wide="float32"),
    Order("wide lerp, master", wide="float32", master=True, average="lerp", correct="reassociated"),
    Order("wide64", wide="float64"),
    Order("wide64, master", wide="float64", master=True, final="rate-first", shrink="minus"),
)


def random_order(rng: np.random.Generator) -> Order:
    """Any combination of the choices."""
    picked: dict[str, Any] = {k: str(rng.choice(v)) for k, v in CHOICES.items()}
    return Order("/".join(picked.values()), **picked)


def applicable(order: Order, spec: Spec, name: str) -> bool:
    """Whether the order makes sense for the dialect and the format of the arrays."""
    narrow = {"float64": 0, "float32": 1, "float16": 2, "bfloat16": 2}
    if order.wide and narrow[name] <= narrow[order.wide]:
        return False
    # the largest v̂ is taken of corrected numbers: the correction cannot move behind it
    return not (
        spec.amsgrad == "vhat"
        and order.correct in ("reassociated", "joined", "roots", "capturable")
    )


@dataclass
class Run:
    """What an order shows: thetas [T+1, N] and moments name -> [T, N], in the storage format."""

    thetas: Array
    moments: dict[str, Array] = field(default_factory=dict)


@dataclass
class Scalars:
    """Hyperparameters, one column each, kept and combined in ``fmt`` (float64 or the arrays')."""

    a: Arithmetic
    h: dict[str, Array]
    powers: str
    first_t: int
    state: dict[str, Array] = field(default_factory=dict)

    def power(self, beta: str, t: int) -> Array:
        """β^t; the running product is multiplied once more."""
        if self.powers == "running" and self.first_t == 1:
            p = self.state.get(beta, np.ones_like(self.h[beta]))
            self.state[beta] = self.a.mul(p, self.h[beta])
            return self.state[beta]
        return self.a.cast(np.power(self.h[beta], self.a.cast(float(t))))

    def correction(self, beta: str, t: int) -> Array:
        """1 - β^t."""
        one = self.a.cast(np.ones_like(self.h[beta]))
        if self.powers == "expm1":
            w = self.a.sub(one, self.h[beta])
            return self.a.cast(-np.expm1(self.a.mul(self.a.cast(float(t)), np.log1p(-w))))
        return self.a.sub(one, self.power(beta, t))


def run(
    order: Order,
    spec: Spec,
    storage: Arithmetic,
    hyper: dict[str, Array],
    grads: Array,
    theta0: Array,
    *,
    scalars: str = "float64",
    steps: int | None = None,
) -> Run:
    """Run an order; hyper holds one number for every column of grads [T, N]."""
    name = storage.fmt.name
    a = Arithmetic.of(order.wide or name, flush=storage.flush)
    precision = Arithmetic.of("float64" if scalars == "float64" else name)
    h = {k: precision.cast(x) for k, x in hyper.items()}
    s = Scalars(precision, h, order.powers, int(spec.first_t))
    kept = ["m", "v", *(["v_max"] if spec.amsgrad != "none" else [])]
    state = {k: a.cast(np.zeros_like(theta0)) for k in kept}
    theta = a.cast(theta0)
    thetas = [theta0]
    moments: dict[str, list[Any]] = {k: [] for k in kept}
    for k, g in enumerate(grads):
        t = k + int(spec.first_t)
        theta = _step(order, spec, a, s, state, a.cast(g), theta, t)
        shown = storage.cast(theta)
        thetas.append(shown)
        if not (order.wide and order.master):
            theta = a.cast(shown)
        for name_ in kept:
            stored = storage.cast(state[name_])
            moments[name_].append(stored)
            state[name_] = a.cast(stored)
    return Run(np.stack(thetas), {k: np.stack(x) for k, x in moments.items()})


def _step(
    order: Order,
    spec: Spec,
    a: Arithmetic,
    s: Scalars,
    state: dict[str, Array],
    g: Array,
    theta: Array,
    t: int,
) -> Array:
    h, c, p = s.h, a.cast, s.a
    if spec.maximize == "yes":
        g = -g
    if spec.decay == "l2":
        fused = order.shrink == "minus-fma"
        wd = c(h["weight_decay"])
        g = a.fma(wd, theta, g) if fused else a.add(g, a.mul(wd, theta))
    state["m"] = _average(order, a, p, h["beta1"], state["m"], g, None)
    state["v"] = _average(order, a, p, h["beta2"], state["v"], a.mul(g, g), g)

    one = p.cast(np.ones_like(h["lr"]))
    bc1 = s.correction("beta1", t) if spec.bias_correction in ("both", "m") else one
    corrects_v = spec.bias_correction in ("both", "v")
    bc2 = s.correction("beta2", t) if corrects_v else one
    v = state["v"]
    if spec.amsgrad == "v":
        v = state["v_max"] = a.maximum(state["v_max"], v)
    lr = h["lr"]
    eps = h["eps"]
    eps_root = h.get("eps_root")
    inner = None if eps_root is None else c(eps_root)
    root2 = p.sqrt(bc2)
    m = state["m"]

    if order.correct in ("divide", "reciprocal"):
        if order.correct == "divide":
            m_hat, v_hat = a.div(m, c(bc1)), a.div(v, c(bc2))
        else:
            m_hat, v_hat = a.mul(m, c(p.div(one, bc1))), a.mul(v, c(p.div(one, bc2)))
        if spec.amsgrad == "vhat":
            v_hat = state["v_max"] = a.maximum(state["v_max"], v_hat)
        hat = p.div(eps, root2) if spec.eps == "hat" else eps
        d = _denominator(spec, a, v_hat, unscaled, c(hat), inner)
        rate = lr
    elif order.correct == "roots":
        m_hat, rate = m, p.div(lr, bc1)
        hat = p.div(eps, root2) if spec.eps == "hat" else eps
        if spec.eps in ("inside", "both"):
            v_hat = a.div(v, c(bc2))
            d = _denominator(spec, a, v_hat, unscaled, c(hat), inner)
        else:
            d = _denominator(spec, a, v, lambda x: a.div(x, c(root2)), c(hat), None)
    elif order.correct in ("reassociated", "joined"):
        # α√bc2/bc1 · m/(√v + ε√bc2), and its likes for the other places of ε
        m_hat, rate = m, p.div(p.mul(lr, root2), bc1)
        scaled = {"hat": eps, "inside": p.mul(eps, bc2)}.get(spec.eps, p.mul(eps, root2))
        inner = None if eps_root is None else c(p.mul(eps_root, bc2))
        d = _denominator(spec, a, v, unscaled, c(scaled), inner)
        if order.correct == "joined":  # (α·m)√bc2 / ((√v + ε√bc2)·bc1)
            m_hat, rate = a.mul(a.mul(c(lr), m), c(root2)), None
            d = a.mul(d, c(bc1))
    else:  # the denominator is divided by the step size, and nothing multiplies the quotient
        size = p.div(lr, bc1)
        hat = p.div(eps, root2) if spec.eps == "hat" else eps
        if spec.eps == "inside":
            d = a.div(a.sqrt(a.add(a.div(v, c(bc2)), c(eps))), c(size))
        elif spec.eps == "both":
            d = a.div(a.sqrt(a.add(a.div(v, c(bc2)), c(eps_root))), c(size))
            d = a.add(d, c(p.div(eps, size)))
        else:
            d = a.div(a.sqrt(v), c(p.mul(root2, size)))
            d = (a.maximum if spec.eps == "max" else a.add)(d, c(p.div(hat, size)))
        m_hat, rate = m, None
    return _move(order, spec, a, s, theta, m_hat, d, rate)


def _average(
    order: Order, a: Arithmetic, p: Arithmetic, beta: Array, old: Array, new: Array, g: Array | None
) -> Array:
    """β·old + (1-β)·new; ``g`` where new is g², so that the weight may go between the factors."""
    c = a.cast
    w = p.sub(p.cast(np.ones_like(beta)), beta)
    weighted = g is not None and order.square == "weighted"
    term = a.mul(a.mul(c(w), g), g) if weighted else a.mul(c(w), new)
    kind = order.average
    if kind == "lerp-ends":
        back = a.sub(new, a.mul(a.sub(new, old), a.sub(c(np.ones_like(w)), c(w))))
        ahead = a.add(old, a.mul(c(w), a.sub(new, old)))
        return np.where(w > 0.5, back, ahead)
    if kind == "lerp":
        return a.add(old, a.mul(c(w), a.sub(new, old)))
    if kind == "lerp-fma":
        return a.fma(c(w), a.sub(new, old), old)
    if kind == "fma-old":
        return a.fma(c(beta), old, term)
    if kind == "fma-new":
        second = (a.mul(c(w), g), g) if weighted else (c(w), new)
        return a.fma(*second, a.mul(c(beta), old))
    return (
        a.add(term, a.mul(c(beta), old)) if kind == "swapped" else a.add(a.mul(c(beta), old), term)
    )


def unscaled(x: Array) -> Array:
    """The root of a second moment that was corrected before, or is corrected elsewhere."""
    return x


def _denominator(
    spec: Spec, a: Arithmetic, v: Array, scaled: Any, eps: Array, eps_root: Array | None
) -> Array:
    if spec.eps == "inside":
        return scaled(a.sqrt(a.add(v, eps)))
    if spec.eps == "both":
        return a.add(scaled(a.sqrt(a.add(v, eps_root))), eps)
    root = scaled(a.sqrt(v))
    return a.maximum(root, eps) if spec.eps == "max" else a.add(root, eps)


def _move(
    order: Order,
    spec: Spec,
    a: Arithmetic,
    s: Scalars,
    theta: Array,
    m_hat: Array,
    d: Array,
    rate: Array | None,
) -> Array:
    """θ less the update, with the decoupled decay of the dialect."""
    c, p, h = a.cast, s.a, s.h
    decoupled = spec.decay.startswith("decoupled")
    shrunk = None
    if decoupled:
        wd = h["weight_decay"]
        shrunk = wd if spec.decay == "decoupled-unscaled" else p.mul(h["lr"], wd)

    def shrink(x: Array) -> Array:
        if order.shrink == "minus":
            return a.sub(x, a.mul(c(shrunk), x))
        if order.shrink == "minus-fma":
            return a.fma(c(-shrunk), x, x)
        return a.mul(x, c(p.sub(p.cast(np.ones_like(shrunk)), shrunk)))

    together = order.shrink == "together" and spec.decay == "decoupled" and rate is s.h["lr"]
    if together:  # θ - α(q + λθ), as functional libraries compose it
        q = a.add(a.div(m_hat, d), a.mul(c(h["weight_decay"]), theta))
        return a.add(theta, a.mul(c(-rate), q))
    if decoupled and spec.decay != "decoupled-after":
        theta = shrink(theta)
    if rate is None:
        theta = a.sub(theta, a.div(m_hat, d))
    elif order.final == "rate-first":
        theta = a.sub(theta, a.div(a.mul(c(rate), m_hat), d))
    elif order.final == "reciprocal":
        theta = a.sub(theta, a.mul(c(rate), a.mul(m_hat, a.div(c(np.ones_like(rate)), d))))
    elif order.final == "fma":
        theta = a.fma(c(-rate), a.div(m_hat, d), theta)
    elif order.final == "negated":
        theta = a.add(theta, a.mul(c(-rate), a.div(m_hat, d)))
    else:
        theta = a.sub(theta, a.mul(c(rate), a.div(m_hat, d)))
    return shrink(theta) if spec.decay == "decoupled-after" else theta


assert set(CHOICES) <= {f.name for f in fields(Order)}
TEXTBOOK = replace(ORDERS[0])
