"""Honest evaluation orders of Adam's relatives: one formula, many roundings.

Nothing here knows the package's rules: the formulas are spelled again, as textbooks, PyTorch, optax
and Keras write them, so that a mistake in either shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adamcheck.spec import Spec

from .arithmetic import Arithmetic, Array
from .orders import Order, Run, Scalars, _average

ORDERS: tuple[Order, ...] = (
    Order(),
    Order("rate first", final="rate-first"),
    Order("lerp, split", average="lerp", correct="split"),
    Order("fused", average="fma-new", square="weighted", final="fma"),
    Order(
        "fused old, reassociated",
        average="fma-old",
        correct="reassociated",
        final="fma",
        shrink="minus",
    ),
    Order("new first", average="swapped", final="negated", shrink="together"),
    Order(
        "reassociated, rate first", correct="reassociated", final="rate-first", average="lerp-ends"
    ),
    Order("reassociated, running", correct="reassociated", powers="running", average="lerp-fma"),
    Order("reciprocals", correct="reciprocal", final="reciprocal"),
    Order("split reciprocals", correct="split", final="reciprocal", average="fma-new"),
    Order("expm1", powers="expm1", correct="reciprocal", final="rate-first"),
    Order("wide", wide="float32"),
    Order("wide, master", wide="float32", master=True, average="lerp", correct="reassociated"),
    Order("wide64", wide="float64", correct="split"),
    Order("wide64, master", wide="float64", master=True, final="rate-first", shrink="minus"),
)
"""``correct`` says where scalars go: "split" takes the update apart as PyTorch's NAdam does."""


def random_order(rng: np.random.Generator) -> Order:
    """Any combination."""
    choices = {
        "average": ("plain", "swapped", "fma-old", "fma-new", "lerp", "lerp-fma", "lerp-ends"),
        "square": ("whole", "weighted"),
        "correct": ("divide", "reciprocal", "reassociated", "split"),
        "final": ("rate-last", "rate-first", "reciprocal", "fma", "negated"),
        "powers": ("pow", "running", "expm1"),
        "shrink": ("keep", "minus", "minus-fma", "together"),
    }
    picked: dict[str, Any] = {k: str(rng.choice(v)) for k, v in choices.items()}
    return Order("/".join(picked.values()), **picked)


def applicable(order: Order, spec: Spec, name: str) -> bool:
    """Whether the order makes sense for the format of the arrays."""
    narrow = {"float64": 0, "float32": 1, "float16": 2, "bfloat16": 2}
    return not (order.wide and narrow[name] <= narrow[order.wide])


KEPT = {
    "gd": (),
    "momentum": ("velocity",),
    "adagrad": ("v",),
    "rmsprop": ("v", "m", "velocity"),
    "adamax": ("m", "v"),
    "nadam": ("m", "v"),
    "radam": ("m", "v"),
}


def run(
    order: Order,
    spec: Spec,
    storage: Arithmetic,
    hyper: dict[str, Array],
    grads: Array,
    theta0: Array,
    *,
    scalars: str = "float64",
) -> Run:
    """Run an order; hyper holds one number for every column of grads [T, N]."""
    name = storage.fmt.name
    a = Arithmetic.of(order.wide or name, flush=storage.flush)
    p = Arithmetic.of("float64" if scalars == "float64" else name)
    h = {k: p.cast(x) for k, x in hyper.items()}
    state = {k: a.cast(np.zeros_like(theta0)) for k in KEPT[spec.algorithm]}
    if spec.accumulator == "initial":
        state["v"] = a.cast(h["initial_accumulator"])
    elif spec.accumulator == "one":
        state["v"] = a.cast(np.ones_like(theta0))
    theta = a.cast(theta0)
    first_t = int(spec.first_t)
    walk = Walk(order, spec, a, p, h, state, Scalars(p, h, order.powers, first_t))
    thetas = [theta0]
    moments: dict[str, list[Any]] = {k: [] for k in state}
    for k, g in enumerate(grads):
        theta = walk.step(a.cast(g), theta, k + first_t)
        thetas.append(storage.cast(theta))
        if not (order.wide and order.master):
            theta = a.cast(thetas[-1])
        for key in state:
            moments[key].append(storage.cast(state[key]))
            if not order.master:
                state[key] = a.cast(moments[key][-1])
    return Run(np.stack(thetas), {k: np.stack(x) for k, x in moments.items()})


@dataclass
class Walk:
    """One run under way: ``a`` is the arithmetic of arrays, ``p`` that of scalars."""

    order: Order
    spec: Spec
    a: Arithmetic
    p: Arithmetic
    h: dict[str, Array]
    state: dict[str, Array]
    s: Scalars

    def __post_init__(self) -> None:
        self.one = self.p.cast(np.ones_like(self.h["lr"]))
        self.product = self.one

    def step(self, g: Array, theta: Array, t: int) -> Array:
        """The next θ; the state changes in place."""
        a, h = self.a, self.h
        if self.spec.maximize == "yes":
            g = -g
        if self.spec.decay == "l2":
            wd = a.cast(h["weight_decay"])
            fused = self.order.shrink == "minus-fma"
            g = a.fma(wd, theta, g) if fused else a.add(g, a.mul(wd, theta))
        rule: Any = getattr(self, self.spec.algorithm)
        late = self.spec.decay == "decoupled-after"
        if self.spec.decay.startswith("decoupled") and not late:
            theta = self.shrunk(theta)
        theta = rule(g, theta, t)
        return self.shrunk(theta) if late else theta

    def shrunk(self, x: Array) -> Array:
        a, p, h = self.a, self.p, self.h
        wd = h["weight_decay"]
        s = wd if self.spec.decay == "decoupled-unscaled" else p.mul(h["lr"], wd)
        if self.order.shrink == "minus":
            return a.sub(x, a.mul(a.cast(s), x))
        if self.order.shrink == "minus-fma":
            return a.fma(a.cast(-s), x, x)
        return a.mul(x, a.cast(p.sub(self.one, s)))

    # what the rules share

    def average(self, beta: Array, old: Array, new: Array, g: Array | None = None) -> Array:
        return _average(self.order, self.a, self.p, beta, old, new, g)

    def over(self, x: Array, scalar: Array) -> Array:
        """x / scalar."""
        a, p = self.a, self.p
        if self.order.correct == "reciprocal":
            return a.mul(x, a.cast(p.div(self.one, scalar)))
        return a.div(x, a.cast(scalar))

    def root(self, second: Array, correction: Array | None = None) -> Array:
        """√(second/correction) with ε where the spec has it."""
        a, p, h = self.a, self.p, self.h
        eps = h.get("eps")
        hat = second if correction is None else self.over(second, correction)
        match self.spec.eps:
            case "none":
                return a.sqrt(hat)
            case "inside":
                return a.sqrt(a.add(hat, a.cast(eps)))
            case "both":
                return a.add(a.sqrt(a.add(hat, a.cast(h["eps_root"]))), a.cast(eps))
            case "hat":
                return a.add(a.sqrt(hat), a.cast(p.div(eps, p.sqrt(correction))))
        return a.add(a.sqrt(hat), a.cast(eps))

    def along(self, theta: Array, rate: Array, top: Array, bottom: Array | None = None) -> Array:
        """θ - rate·top/bottom."""
        a, c, rate = self.a, self.a.cast, self.a.cast(rate)
        one = c(np.ones_like(rate))
        if bottom is None:
            if self.order.final == "fma":
                return a.fma(-rate, top, theta)
            if self.order.final == "negated":
                return a.add(theta, a.mul(-rate, top))
            return a.sub(theta, a.mul(rate, top))
        match self.order.final:
            case "rate-first":
                return a.sub(theta, a.div(a.mul(rate, top), bottom))
            case "reciprocal":
                return a.sub(theta, a.mul(rate, a.mul(top, a.div(one, bottom))))
            case "fma":
                return a.fma(-rate, a.div(top, bottom), theta)
            case "negated":
                return a.add(theta, a.mul(-rate, a.div(top, bottom)))
        return a.sub(theta, a.mul(rate, a.div(top, bottom)))

    def onto(self, scalar: Array, old: Array, new: Array) -> Array:
        """scalar·old + new."""
        a, c = self.a, self.a.cast
        if self.order.average in ("fma-old", "lerp-fma"):
            return a.fma(c(scalar), old, new)
        product = a.mul(c(scalar), old)
        return a.add(new, product) if self.order.average == "swapped" else a.add(product, new)

    # the rules

    def gd(self, g: Array, theta: Array, t: int) -> Array:
        return self.along(theta, self.h["lr"], g)

    def momentum(self, g: Array, theta: Array, t: int) -> Array:
        a, p, h, c = self.a, self.p, self.h, self.a.cast
        mu, b = h["momentum"], self.state["velocity"]
        inside = self.spec.form == "inside"
        push = a.mul(c(h["lr"]), g) if inside else g
        kind = self.spec.dampening
        if kind == "ema" and not inside:
            b = self.average(mu, b, g)
        else:
            weight = {"none": None, "ema": mu, "full": h.get("dampening")}.get(
                kind, h.get("dampening") if t > 1 else None
            )
            new = push
            if weight is not None:
                new = a.mul(c(p.sub(self.one, weight)), push)
            b = self.onto(mu, b, -new if inside else new)
        self.state["velocity"] = b
        if inside:
            moved = a.sub(a.mul(c(mu), b), push) if self.spec.nesterov == "yes" else b
            return a.add(theta, moved)
        ahead = self.onto(mu, b, g) if self.spec.nesterov == "yes" else b
        return self.along(theta, h["lr"], ahead)

    def adagrad(self, g: Array, theta: Array, t: int) -> Array:
        a, p, h = self.a, self.p, self.h
        fused = "fma" in self.order.average
        v = self.state["v"]
        v = self.state["v"] = a.fma(g, g, v) if fused else a.add(v, a.mul(g, g))
        rate = h["lr"]
        if self.spec.lr_decay == "yes":
            count = p.cast(np.full_like(self.one, t - 1))
            rate = p.div(rate, p.add(self.one, p.mul(count, h["lr_decay"])))
        return self.along(theta, rate, g, self.root(v))

    def rmsprop(self, g: Array, theta: Array, t: int) -> Array:
        a, h, c, beta = self.a, self.h, self.a.cast, self.h["beta2"]
        v = self.state["v"] = self.average(beta, self.state["v"], a.mul(g, g), g)
        m = self.state["m"] = self.average(beta, self.state["m"], g)
        correction = None
        if self.spec.bias_correction == "v":
            correction = self.s.correction("beta2", t)
        if self.spec.centered == "yes":
            if correction is not None:
                v, m = self.over(v, correction), self.over(m, correction)
            fused = "fma" in self.order.average
            bottom = self.root(a.fma(-m, m, v) if fused else a.sub(v, a.mul(m, m)))
        elif (
            correction is not None
            and self.order.correct == "reassociated"
            and self.spec.eps != "none"
        ):
            return self.reassociated(g, theta, v, correction)
        else:
            bottom = self.root(v, correction)
        if self.spec.momentum == "no":
            return self.along(theta, h["lr"], g, bottom)
        inside = self.spec.form == "inside"
        if inside and self.order.final == "rate-first":
            q = a.div(a.mul(c(h["lr"]), g), bottom)
        else:
            q = a.div(g, bottom)
            q = a.mul(c(h["lr"]), q) if inside else q
        b = self.state["velocity"] = self.onto(h["momentum"], self.state["velocity"], q)
        ahead = self.onto(h["momentum"], b, q) if self.spec.nesterov == "yes" else b
        return a.sub(theta, ahead) if inside else self.along(theta, h["lr"], ahead)

    def reassociated(self, g: Array, theta: Array, v: Array, correction: Array) -> Array:
        """α√bc2 · g/(√v + ε√bc2), where nothing needs v̂ itself."""
        if self.spec.momentum == "yes":
            raise AssertionError("reassociated is for the plain rule")
        a, p, h, c = self.a, self.p, self.h, self.a.cast
        root = p.sqrt(correction)
        if self.spec.eps == "inside":
            bottom = a.sqrt(a.add(v, c(p.mul(h["eps"], correction))))
        else:
            bottom = a.add(a.sqrt(v), c(p.mul(h["eps"], root)))
        return self.along(theta, p.mul(h["lr"], root), g, bottom)

    def adamax(self, g: Array, theta: Array, t: int) -> Array:
        a, p, h, c = self.a, self.p, self.h, self.a.cast
        m = self.state["m"] = self.average(h["beta1"], self.state["m"], g)
        decayed, size = a.mul(c(h["beta2"]), self.state["v"]), np.abs(g)
        if self.spec.eps == "gradient":
            size = a.add(size, c(h["eps"]))
        elif self.spec.eps == "decayed":
            decayed = a.add(decayed, c(h["eps"]))
        v = self.state["v"] = a.maximum(decayed, size)
        bottom = a.add(v, c(h["eps"])) if self.spec.eps == "outside" else v
        if self.spec.bias_correction == "none":
            return self.along(theta, h["lr"], m, bottom)
        correction = self.s.correction("beta1", t)
        if self.order.correct == "reassociated":
            return self.along(theta, p.div(h["lr"], correction), m, bottom)
        if self.order.correct == "split":  # Keras: α·m/((1-β1^t)(u+ε))
            top = a.mul(c(h["lr"]), m)
            return a.sub(theta, a.div(top, a.mul(c(correction), bottom)))
        return self.along(theta, h["lr"], self.over(m, correction), bottom)

    def nadam(self, g: Array, theta: Array, t: int) -> Array:
        a, p, h, c, one = self.a, self.p, self.h, self.a.cast, self.one
        m = self.state["m"] = self.average(h["beta1"], self.state["m"], g)
        v = self.state["v"] = self.average(h["beta2"], self.state["v"], a.mul(g, g), g)
        mu, following = self.scheduled(t), self.scheduled(t + 1)
        self.product = p.mul(self.product, mu)
        next_product = p.mul(self.product, following)
        if self.spec.lookahead == "no":
            following, next_product = mu, self.product
        first, second = p.sub(one, self.product), p.sub(one, next_product)
        fresh = p.sub(one, mu)
        correction = self.s.correction("beta2", t)
        bottom = self.root(v, correction)
        if self.order.correct == "split":  # PyTorch: two addcdiv
            rates = p.div(p.mul(h["lr"], fresh), first), p.div(p.mul(h["lr"], following), second)
            return self.along(self.along(theta, rates[0], g, bottom), rates[1], m, bottom)
        if self.order.correct == "reassociated":
            parts = a.mul(c(p.div(following, second)), m), a.mul(c(p.div(fresh, first)), g)
        else:
            parts = (
                a.mul(c(following), self.over(m, second)),
                a.mul(c(fresh), self.over(g, first)),
            )
        return self.along(theta, h["lr"], a.add(*parts), bottom)

    def scheduled(self, t: int) -> Array:
        """The momentum of step t."""
        p, h, one = self.p, self.h, self.one
        if self.spec.schedule == "constant":
            return h["beta1"]
        psi = {"0.96^t": one, "0.96^(t/250)": p.cast(one / 250)}.get(
            self.spec.schedule, h.get("momentum_decay")
        )
        base = p.cast(np.full_like(one, 0.96))
        power = p.cast(np.power(base, p.mul(p.cast(np.full_like(one, t)), psi)))
        return p.mul(h["beta1"], p.sub(one, p.mul(p.cast(one / 2), power)))

    def radam(self, g: Array, theta: Array, t: int) -> Array:
        a, p, h, c, one = self.a, self.p, self.h, self.a.cast, self.one
        m = self.state["m"] = self.average(h["beta1"], self.state["m"], g)
        v = self.state["v"] = self.average(h["beta2"], self.state["v"], a.mul(g, g), g)
        number = lambda x: p.cast(np.full_like(one, x))  # noqa: E731
        bc1, bc2 = self.s.correction("beta1", t), self.s.correction("beta2", t)
        power = self.s.power("beta2", t) if self.order.powers != "running" else p.sub(one, bc2)
        longest = p.sub(p.div(number(2), p.sub(one, h["beta2"])), one)
        length = p.sub(longest, p.div(p.mul(p.mul(number(2), number(t)), power), bc2))
        above = p.mul(p.mul(p.sub(length, number(4)), p.sub(length, number(2))), longest)
        below = p.mul(p.mul(p.sub(longest, number(4)), p.sub(longest, number(2))), length)
        r = p.sqrt(p.div(above, below))
        m_hat = self.over(m, bc1)
        plain = self.along(theta, h["lr"], m_hat)
        root2 = p.sqrt(bc2)
        if self.order.correct == "split" and self.spec.eps in ("hat", "none"):
            # PyTorch: m̂·α·(√bc2/(√v+ε))·r
            bottom = a.sqrt(v)
            if self.spec.eps == "hat":
                bottom = a.add(bottom, c(h["eps"]))
            q = a.mul(a.mul(m_hat, c(h["lr"])), a.div(c(root2), bottom))
            adapted = a.sub(theta, a.mul(q, c(r)))
        elif self.order.correct == "reassociated":
            rate = p.mul(p.div(h["lr"], bc1), r)
            adapted = self.along(theta, rate, m, self.root(v, bc2))
        else:
            adapted = self.along(theta, h["lr"], a.mul(c(r), m_hat), self.root(v, bc2))
        return np.where(length > int(self.spec.cut), adapted, plain)
