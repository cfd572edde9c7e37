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
