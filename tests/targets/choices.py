"""One right Adam behind many interfaces: guards, refusals, fixed values, hidden signatures."""

from __future__ import annotations

import functools

import numpy as np

import adamcheck


def of_floats(theta0, *, lr, beta1, beta2, eps):
    """Of Python's own floats, whose ``x**2`` and ``v**0.5`` are powers of the C library."""
    size, state = theta0.size, {"t": 0}
    theta, m, v = theta0.reshape(-1).tolist(), [0.0] * size, [0.0] * size

    def step(grad):
        state["t"] += 1
        first, second = 1 - beta1 ** state["t"], 1 - beta2 ** state["t"]
        for i, g in enumerate(grad.reshape(-1).tolist()):
            m[i] = beta1 * m[i] + (1 - beta1) * g
            v[i] = beta2 * v[i] + (1 - beta2) * g**2
            theta[i] -= lr * (m[i] / first) / ((v[i] / second) ** 0.5 + eps)
        return np.array(theta).reshape(theta0.shape)

    return step


class Plain:
    """Algorithm 1; ``guarded`` and ``check`` are where the others differ."""

    def __init__(self, params, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
        self.params, self.hyper, self.t = params, (lr, beta1, beta2, eps), 0
        self.m = [np.zeros_like(p) for p in params]
        self.v = [np.zeros_like(p) for p in params]
        for p in params:
            self.check(p)

    def check(self, p):
        """Refuse a parameter."""

    def guarded(self, grads):
        """The gradients to step with; None for no step."""
        return grads

    def step(self, grads):
        lr, beta1, beta2, eps = self.hyper
        if any(not np.isfinite(g).all() for g in grads):
            grads = self.guarded(grads)
        if grads is None:
            return
        self.t += 1
        for p, m, v, g in zip(self.params, self.m, self.v, grads, strict=True):
            m += (1 - beta1) * (g - m)
            v += (1 - beta2) * (g * g - v)
            update = (m / (1 - beta1**self.t)) / (np.sqrt(v / (1 - beta2**self.t)) + eps)
            p -= (lr * update).astype(p.dtype)


class SkipsUncounted(Plain):
    def guarded(self, grads):
        return None


class SkipsCounted(Plain):
    def guarded(self, grads):
        self.t += 1


class SkipsCountedLate(Plain):
    """Wrong: a step that is skipped counts, but for the first two."""

    def guarded(self, grads):
        self.t += self.t >= 2


class TakesZeros(Plain):
    def guarded(self, grads):
        return [np.zeros_like(g) for g in grads]


class Filters(Plain):
    def guarded(self, grads):
        return [np.nan_to_num(g, posinf=0.0, neginf=0.0) for g in grads]


class Refuses(Plain):
    def guarded(self, grads):
        raise FloatingPointError("a gradient is not finite")


class Spreads(Plain):
    """Wrong: one NaN is everybody's."""

    def guarded(self, grads):
        return [g * np.nan for g in grads]


class SkipsHalf(Plain):
    """Wrong: a step that is skipped still lets m fade."""

    def guarded(self, grads):
        self.m = [0.5 * m for m in self.m]


class ComplexBeyond(Plain):
    """A root of less than 0 is a complex number, as that of Python's floats."""

    def step(self, grads):
        if self.hyper[2] > 1.0:
            return [p.astype(complex) for p in self.params]
        return super().step(grads)


class NoScalars(Plain):
    def check(self, p):
        if p.ndim == 0:
            raise ValueError("0-d parameters are not taken")


class VectorsOnly(Plain):
    def check(self, p):
        if p.ndim != 1 or p.size < 2:
            raise ValueError("vectors of at least two elements only")


class SomeMatrices(Plain):
    """Wrong: what it refuses is no kind of arrays, but one."""

    def check(self, p):
        if p.shape == (17, 17):
            raise IndexError("index out of range")


class Contiguous(Plain):
    def step(self, grads):
        if not all(g.flags.c_contiguous for g in grads):
            raise ValueError("gradients must be C-contiguous")
        super().step(grads)


class ChecksRateOnly(Plain):
    def __init__(self, params, *, lr, **hyper):
        if lr < 0:
            raise ValueError("lr must not be negative")
        super().__init__(params, lr=lr, **hyper)


@adamcheck.limits(one_dimensional=True, least_size=2, beta1_above=0)
class Declares(Plain):
    def __init__(self, params, *, lr, beta1, beta2, eps):
        assert beta1 > 0.0
        assert all(p.ndim == 1 and p.size > 1 for p in params)
        super().__init__(params, lr=lr, beta1=beta1, beta2=beta2, eps=eps)


class Thin(Plain):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)


class Narrowed(Plain):
    """A subclass that sets what its base would take."""

    def __init__(self, params, **kwargs):
        super().__init__(params, beta2=0.99, **kwargs)


class Bare:
    """A base that takes no hyperparameter."""

    inner: Plain

    def __init__(self, params):
        self.params = params

    def step(self, grads):
        self.inner.step(grads)


class Own(Bare):
    """Reads its words itself, whichever they are."""

    def __init__(self, params, **kw):
        super().__init__(params)
        words = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
        self.inner = Plain(params, **{name: kw.get(name, x) for name, x in words.items()})


class OwnRate(Own):
    """The same, without a default for the rate."""

    def __init__(self, params, **kw):
        super().__init__(params, lr=kw["lr"], **{n: x for n, x in kw.items() if n != "lr"})


class OwnWords(Bare):
    """Takes its own words out, and hands the others on, which refuses them."""

    def __init__(self, params, **kw):
        lr, beta1 = kw.pop("learning_rate", 1e-3), kw.pop("b1", 0.9)
        super().__init__(params, **kw)
        self.inner = Plain(params, lr=lr, beta1=beta1)


class Grouping(Bare):
    """Makes its groups where it is made."""

    def __init__(self, params, *, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        whole = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps}
        parts = params if isinstance(params[0], dict) else [{"params": params}]
        self.param_groups = [{**whole, **part} for part in parts]
        self.inners = [
            Plain(g["params"], **{n: g[n] for n in ("lr", "beta1", "beta2", "eps")})
            for g in self.param_groups
        ]

    def step(self, grads):
        at = 0
        for group, inner in zip(self.param_groups, self.inners, strict=True):
            inner.hyper = (group["lr"], *inner.hyper[1:])
            inner.step(grads[at : at + len(inner.params)])
            at += len(inner.params)


class Written(Plain):
    """Has a method that only a text names."""

    def __init__(self, params, **hyper):
        super().__init__(params, **hyper)
        vars(self).update(set_lr=self._set)

    def _set(self, lr):
        self.hyper = (lr, *self.hyper[1:])


class Rateless(Grouping):
    """Groups, and a rate that nobody gives."""

    def __init__(self, params, *, beta1=0.9):
        super().__init__(params, beta1=beta1)


class Mixin:
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)


class Mixed(Mixin, Thin):
    pass


def made(params, **kwargs):
    return Plain(params, **kwargs)


Partial = functools.partial(Plain, eps=1e-6)


def undecorated(function):
    def inner(*args, **kwargs):
        return function(*args, **kwargs)

    return inner


def _make(theta0, *, learning_rate, b1, b2, epsilon):
    optimizer = Plain([theta0], lr=learning_rate, beta1=b1, beta2=b2, eps=epsilon)

    def step(grad):
        optimizer.step([grad])
        return optimizer.params[0]

    return step


hidden = undecorated(_make)


def forwards(theta0, **words):
    return _make(theta0, **words)


def complains(theta0, **words):
    if unknown := words.keys() - {"learning_rate", "epsilon"}:
        raise ValueError(f"no such words: {unknown}")
    return _make(theta0, b1=0.9, b2=0.999, **{"learning_rate": 1e-3, "epsilon": 1e-8, **words})


def fixed(theta0, *, lr, eps):
    return _make(theta0, learning_rate=lr, b1=0.9, b2=0.99, epsilon=eps)


def insists(theta0, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    if beta1 != 0.9:
        raise ValueError(f"beta1 must be 0.9, not {beta1}")
    return _make(theta0, learning_rate=lr, b1=beta1, b2=beta2, epsilon=eps)


def odd(theta0, *, lr):
    return _make(theta0, learning_rate=lr, b1=0.8125, b2=0.9973, epsilon=3e-6)
