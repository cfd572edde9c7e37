"""Textbook Adams that get into trouble in their 100th step, for the gate as a whole.

Short runs are over by then, so what they measured must be reported beside the trouble.
"""

from __future__ import annotations

import os
import signal
import sys
import time

import numpy as np

AT = 100


def plain(theta0, *, lr, beta1, beta2, eps, trouble=lambda t, theta: None):
    """Textbook Adam; ``trouble`` is called before each step with t and θ."""
    theta, m, v, t = theta0.copy(), np.zeros_like(theta0), np.zeros_like(theta0), 0
    c = theta0.dtype.type

    def step(grad):
        nonlocal theta, m, v, t
        t += 1
        trouble(t, theta)
        with np.errstate(all="ignore"):
            m = c(beta1) * m + c(1 - beta1) * grad
            v = c(beta2) * v + c(1 - beta2) * (grad * grad)
            m_hat, v_hat = m / c(1 - beta1**t), v / c(1 - beta2**t)
            theta = theta - c(lr) * (m_hat / (np.sqrt(v_hat) + c(eps)))
        return theta

    return step


def _late(happens):
    def make(theta0, *, lr, beta1, beta2, eps):
        def trouble(t, theta):
            if t == AT:
                happens(theta)

        return plain(theta0, lr=lr, beta1=beta1, beta2=beta2, eps=eps, trouble=trouble)

    return make


def _always(happens):
    def make(theta0, *, lr, beta1, beta2, eps):
        def trouble(t, theta):
            happens(theta)

        return plain(theta0, lr=lr, beta1=beta1, beta2=beta2, eps=eps, trouble=trouble)

    return make


def _raise(theta):
    raise RuntimeError("no more")


def _hog(theta):
    kept = []
    while True:
        kept.append(np.ones(1 << 20))
        time.sleep(0.002)


def _print(theta):
    print("noise", flush=True)
    print("noise", file=sys.stderr, flush=True)


def _set_errors(theta):
    np.seterr(all="raise")
    os.environ["OMP_NUM_THREADS"] = "1"


def _not_in_float16(theta):
    if theta.dtype == np.float16:
        raise TypeError("no half precision")


hangs = _late(lambda theta: time.sleep(1e6))
raises = _late(_raise)
exits = _late(lambda theta: os._exit(0))
leaves = _late(lambda theta: sys.exit(0))
crashes = _late(lambda theta: os.kill(os.getpid(), signal.SIGSEGV))
hogs = _late(_hog)
fails_late_in_float16 = _late(_not_in_float16)
fails_in_float16 = _always(_not_in_float16)
prints = _always(_print)
sets_errors = _always(_set_errors)


def fails_always(theta0, *, lr, beta1, beta2, eps):
    """Builds, and can take no step."""

    def step(grad):
        raise ValueError("not one step")

    return step


def divides_while_built(theta0, *, lr, beta1, beta2, eps):
    """A faithful Adam that no β of 1 survives, though nobody wrote a refusal."""
    1.0 / (1.0 - beta2)
    return plain(theta0, lr=lr, beta1=beta1, beta2=beta2, eps=eps)


def cubes(theta0, *, lr):
    """No dialect of anything, with one hyperparameter."""
    theta = theta0.copy()

    def step(grad):
        nonlocal theta
        theta = theta - theta.dtype.type(lr) * grad * grad * grad
        return theta

    return step


def crashes_without_eps(theta0, *, lr, beta1, beta2, eps):
    """Crashes while it is built with ε = 0, which is no refusal."""
    if eps == 0:
        os.kill(os.getpid(), signal.SIGSEGV)
    return plain(theta0, lr=lr, beta1=beta1, beta2=beta2, eps=eps)


def refuses_no_momentum(theta0, *, lr, beta1, beta2, eps):
    """Refuses β1 = 0, which Adam allows."""
    if beta1 == 0:
        raise ValueError("beta1 must be positive")
    return plain(theta0, lr=lr, beta1=beta1, beta2=beta2, eps=eps)


def stops_counting_and_is_slow(theta0, *, lr, beta1, beta2, eps):
    """The counter stops at 60, which a slow target must not hide."""
    state = {"t": 0}

    def wait(t, theta):
        time.sleep(0.01)

    step = plain(theta0, lr=lr, beta1=beta1, beta2=beta2, eps=eps, trouble=wait)
    last: list = []

    def late(grad):
        state["t"] += 1
        if state["t"] <= 60 or not last:
            last[:] = [step(grad)]
        return last[0]

    return late


def wrong_and_fails_alone(theta0, *, lr, beta1, beta2, eps):
    """Twice the rate everywhere, and an exception for a single element."""
    if theta0.size == 1:
        raise RuntimeError("one element is too few")
    return plain(theta0, lr=2 * lr, beta1=beta1, beta2=beta2, eps=eps)


def takes_the_gradients_shape(theta0, *, lr, beta1, beta2, eps):
    """Never refuses a gradient of another shape: the parameter becomes what it is."""
    step = plain(theta0, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
    seen: list = []

    def any_shape(grad):
        if grad.shape == theta0.shape and not seen:
            return step(grad)
        seen.append(grad)
        return np.resize(theta0, grad.shape)

    return any_shape


class Shows:
    """A faithful Adam with ``moments``; subclasses change one thing."""

    def __init__(self, params, *, lr, beta1, beta2, eps):
        self.hyper = lr, beta1, beta2, eps
        self.steps = [plain(p, lr=lr, beta1=beta1, beta2=beta2, eps=eps) for p in params]
        self.t = 0

    def step(self, grads):
        self.t += 1
        return [step(g) for step, g in zip(self.steps, grads, strict=True)]

    def moments(self):
        return [{"t": self.t} for _ in self.steps]


class SpoilsGradientsAtALargeRate(Shows):
    """Zeroes the caller's gradients once α is 64, which one check asks for."""

    def step(self, grads):
        out = super().step(grads)
        if self.hyper[0] >= 64:
            for g in grads:
                g[...] = 0
        return out
