"""What the tests of targets share: written targets and short requests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from adamcheck.targets.protocol import Trajectory

HERE = Path(__file__).parent
HYPER = {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}


def subject(name):
    """The written target of a class or function in subjects.py."""
    return f"{HERE / 'subjects.py'}:{name}"


def faulty(name):
    """The written target of a class in faulty.py."""
    return f"{HERE / 'faulty.py'}:{name}"


def request(theta=None, grads=None, *, steps=5, dtype="float64", hyper=None, **more):
    """A request for one parameter; random gradients unless they are given."""
    theta = np.zeros(4, dtype) if theta is None else theta
    if grads is None:
        draws = np.random.default_rng(7).standard_normal((steps, *theta.shape))
        grads = draws.astype(theta.dtype)
    return Trajectory((theta,), (grads,), HYPER if hyper is None else hyper, **more)


def textbook(grads, hyper=HYPER, theta=0.0):
    """Algorithm 1 in float64, all parameters after the initial one included."""
    m = v = np.zeros(grads.shape[1:])
    theta = theta + m
    thetas = [theta]
    for t, grad in enumerate(grads.astype(np.float64), start=1):
        m = hyper["beta1"] * m + (1 - hyper["beta1"]) * grad
        v = hyper["beta2"] * v + (1 - hyper["beta2"]) * grad**2
        root = np.sqrt(v / (1 - hyper["beta2"] ** t))
        theta = theta - hyper["lr"] * (m / (1 - hyper["beta1"] ** t)) / (root + hyper["eps"])
        thetas.append(theta)
    return np.array(thetas)
