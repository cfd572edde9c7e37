"""Small targets for the tests of the session: one honest, the others each with one habit."""

from __future__ import annotations

import numpy as np


def make(theta0, *, lr, beta1, beta2, eps, maximize=False):
    """Textbook Adam on one array."""
    theta, m, v, t = theta0.copy(), np.zeros_like(theta0), np.zeros_like(theta0), 0

    def step(grad):
        nonlocal theta, m, v, t
        grad = -grad if maximize else grad
        t += 1
        m = beta1 * m + (1 - beta1) * grad
        v = beta2 * v + (1 - beta2) * grad * grad
        theta = theta - lr * ((m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps))
        return theta

    return step


def run(theta0, grads, *, lr, beta1, beta2, eps):
    """The same, all gradients at once, without the initial value."""
    step = make(theta0, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
    return np.stack([step(grad) for grad in grads]) if len(grads) else np.zeros((0, *theta0.shape))


def run_with_start(theta0, gradients, *, lr, beta1, beta2, eps):
    """The same, as a list that begins with the initial value."""
    step = make(theta0, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
    return [theta0.copy(), *(step(grad) for grad in gradients)]


def run_short(theta0, grads, *, lr, beta1, beta2, eps):
    """Forgets most of the steps."""
    return np.zeros((2, *theta0.shape))


def run_late(theta0, grads, *, lr, beta1, beta2, eps):
    """Changes the gradient of step 3."""
    grads[2] += 1
    return np.zeros((len(grads), *theta0.shape))


def unopened(theta0, *, learning_rate, b1, b2, epsilon, mode="plain"):
    """Own names, one option."""
    step = make(theta0, lr=learning_rate, beta1=b1, beta2=b2, eps=epsilon)
    return (lambda grad: -step(grad)) if mode == "negated" else step


def open_ended(theta0, **options):
    """Takes anything."""
    return lambda grad: theta0 - options["lr"] * grad


class Plain:
    """The sum of the gradients, kept in a way that subclasses spoil."""

    def __init__(self, params, *, lr, beta1, beta2, eps):
        self.params = params
        self.t = 0

    def step(self, grads):
        self.t += 1
        self.params = [p if g is None else p - g for p, g in zip(self.params, grads, strict=True)]
        return self.params


class InPlace(Plain):
    """Changes the arrays that it was given, and returns None."""

    def step(self, grads):
        for param, grad in zip(self.params, grads, strict=True):
            if grad is not None:
                param -= grad


class Layouts(Plain):
    """Tells the strides of what it sees: first the parameter's, then the gradient's."""

    def step(self, grads):
        (param,), (grad,) = self.params, grads
        seen = [*param.strides, *grad.strides]
        flat = np.zeros(param.size)
        flat[: len(seen)] = np.array(seen) / param.itemsize
        return [flat.reshape(param.shape)]


class Keeps(Plain):
    """Uses the gradient of the step before, through a reference."""

    kept: np.ndarray

    def step(self, grads):
        if self.t:
            self.params = [self.params[0] - self.kept]
        self.t += 1
        self.kept = grads[0]
        return self.params


class Scales(Plain):
    """Doubles the gradient in place from step 2 on."""

    def step(self, grads):
        self.t += 1
        if self.t >= 2:
            grads[0] *= 2
        return self.params


class Shared(Plain):
    """All instances add to one accumulator."""

    total = 0.0

    def __init__(self, params, **options):
        super().__init__(params, **options)
        Shared.total = 0.0

    def step(self, grads):
        Shared.total += float(grads[0].sum())
        return [np.full_like(self.params[0], Shared.total)]


class Stateful(Plain):
    """Momentum-like state with moments and a state_dict; lr is used, so a reload shows it."""

    def __init__(self, params, *, lr, beta1, beta2, eps):
        super().__init__(params, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
        self.lr = lr
        self.m = [np.zeros_like(p) for p in params]

    def step(self, grads):
        self.t += 1
        for m, grad in zip(self.m, grads, strict=True):
            m += grad
        self.params = [p - self.lr * m for p, m in zip(self.params, self.m, strict=True)]
        return self.params

    def moments(self):
        return [{"m": m, "v": m * m, "t": self.t} for m in self.m]

    def load_moments(self, moments):
        self.m = [each["m"] for each in moments]
        self.t = moments[0]["t"]

    def state_dict(self):
        return {"m": self.m, "t": self.t}

    def load_state_dict(self, state):
        self.m, self.t = state["m"], state["t"]


class Adds(Stateful):
    """Adds what it loads to what it has."""

    def load_state_dict(self, state):
        self.m = [m + more for m, more in zip(self.m, state["m"], strict=True)]
        self.t += state["t"]


class OneShape(Stateful):
    """Loses its momentum where an instance of another shape was stepped in between."""

    last = None

    def step(self, grads):
        if OneShape.last not in (None, grads[0].shape):
            self.m = [0 * m for m in self.m]
        OneShape.last = grads[0].shape
        return super().step(grads)


class OneResult(Stateful):
    """Returns its parameter in an array that all instances of one shape share."""

    shared: dict = {}  # noqa: RUF012

    def step(self, grads):
        (theta,) = super().step(grads)
        result = self.shared.setdefault(theta.shape, np.empty_like(theta))
        result[...] = theta
        return [result]


class Forgets(Stateful):
    """Loses its state when it is saved."""

    def state_dict(self):
        return {"m": [0 * m for m in self.m], "t": 0}


class CountsToInfinity(Stateful):
    """Its count of steps is no number."""

    def moments(self):
        return [{**each, "t": float("inf")} for each in super().moments()]


class WholeMoments(Stateful):
    """Its m is kept in whole numbers."""

    def moments(self):
        return [{**each, "m": each["m"].astype(np.int64)} for each in super().moments()]
