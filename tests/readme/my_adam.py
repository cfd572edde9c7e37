import numpy as np


def make(theta0, *, lr, beta1, beta2, eps):
    theta, m, v, t = theta0.copy(), np.zeros_like(theta0), np.zeros_like(theta0), 0

    def step(grad):
        nonlocal theta, m, v, t
        t += 1
        m = beta1 * m + (1 - beta1) * grad
        v = beta2 * v + (1 - beta2) * grad * grad
        theta = theta - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
        return theta

    return step
