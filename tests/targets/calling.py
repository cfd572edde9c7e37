"""Adams of NumPy that take calls without gradients each in its own way; most are wrong."""

from __future__ import annotations

import numpy as np


class Plain:
    """Algorithm 1, each parameter with its own step count; ``nothing`` is where others differ."""

    def __init__(self, params, *, lr, beta1=0.9, beta2=0.999, eps=1e-8):
        self.params, self.hyper = params, (lr, beta1, beta2, eps)
        self.t = [0 for _ in params]
        self.m = [np.zeros_like(p) for p in params]
        self.v = [np.zeros_like(p) for p in params]

    def nothing(self, i, empty):
        """A parameter without a gradient; ``empty``: none has one."""

    def step(self, grads):
        lr, beta1, beta2, eps = self.hyper
        for i, (p, g) in enumerate(zip(self.params, grads, strict=True)):
            if g is None:
                self.nothing(i, all(one is None for one in grads))
                continue
            self.t[i] += 1
            self.m[i] += (1 - beta1) * (g - self.m[i])
            self.v[i] += (1 - beta2) * (g * g - self.v[i])
            m, v = self.m[i] / (1 - beta1 ** self.t[i]), self.v[i] / (1 - beta2 ** self.t[i])
            p -= (lr * (m / (np.sqrt(v) + eps))).astype(p.dtype)


class Refuses(Plain):
    def nothing(self, i, empty):
        if empty:
            raise ValueError("nothing to count")


class RefusesAndForgets(Refuses):
    """Wrong: where others have gradients, one without starts again."""

    def nothing(self, i, empty):
        super().nothing(i, empty)
        self.m[i], self.v[i] = 0.5 * self.m[i], 0.25 * self.v[i]


class CountsAtTimes(Plain):
    """Wrong: what counts is the second of two calls, and no other."""

    def nothing(self, i, empty):
        self.t[i] += self.t[i] >= 2
