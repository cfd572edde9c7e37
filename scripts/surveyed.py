"""Optimizers of other packages behind adamcheck's smallest protocol, as users would wrap them.

Each is ``make(theta0, *, lr, beta1, beta2, eps) -> step``; what the package computes in is its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

import adamcheck

Array: TypeAlias = NDArray[Any]
Step: TypeAlias = Callable[[Array], Array]


def river_adam(theta0: Array, *, lr: float, beta1: float, beta2: float, eps: float) -> Step:
    """river.optim.Adam on a dict of Python's floats, as its linear models use it."""
    from river.optim import Adam

    optimizer = Adam(lr=lr, beta_1=beta1, beta_2=beta2, eps=eps)
    weights = dict(enumerate(theta0.reshape(-1).tolist()))

    def step(grad: Array) -> Array:
        optimizer.step(weights, dict(enumerate(grad.reshape(-1).tolist())))
        return np.array([weights[i] for i in range(theta0.size)]).reshape(theta0.shape)

    return step


def river_adam_vector(theta0: Array, *, lr: float, beta1: float, beta2: float, eps: float) -> Step:
    """river.optim.Adam on an array."""
    from river.optim import Adam

    optimizer, weights = Adam(lr=lr, beta_1=beta1, beta_2=beta2, eps=eps), theta0.copy()

    def step(grad: Array) -> Array:
        nonlocal weights
        weights = optimizer.step(weights, grad)
        return weights

    return step


def numpyro_adam(theta0: Array, *, lr: float, beta1: float, beta2: float, eps: float) -> Step:
    """numpyro.optim.Adam."""
    import jax
    from numpyro.optim import Adam

    jax.config.update("jax_enable_x64", True)
    optimizer = Adam(step_size=lr, b1=beta1, b2=beta2, eps=eps)
    state, update = optimizer.init(jax.numpy.array(theta0)), jax.jit(optimizer.update)

    def step(grad: Array) -> Array:
        nonlocal state
        state = update(jax.numpy.array(grad), state)
        return np.array(optimizer.get_params(state))

    return step


@adamcheck.limits(beta1_above=0.0, beta2_above=0.0)  # else it raises
def thinc_adam(theta0: Array, *, lr: float, beta1: float, beta2: float, eps: float) -> Step:
    """thinc.optimizers.Adam without its clipping, its L2 and its averages."""
    from thinc.optimizers import Adam

    optimizer = Adam(
        lr, L2=0.0, beta1=beta1, beta2=beta2, eps=eps, grad_clip=0.0, use_averages=False
    )
    weights = theta0.copy()

    def step(grad: Array) -> Array:
        nonlocal weights
        weights, _ = optimizer((0, "w"), weights, grad.copy())
        return weights

    return step


def paddle_adam(theta0: Array, *, lr: float, beta1: float, beta2: float, eps: float) -> Step:
    """paddle.optimizer.Adam on a dense parameter."""
    import paddle

    parameter = paddle.create_parameter(list(theta0.shape), str(theta0.dtype))
    parameter.set_value(theta0)
    optimizer = paddle.optimizer.Adam(
        learning_rate=lr, beta1=beta1, beta2=beta2, epsilon=eps, parameters=[parameter]
    )

    def step(grad: Array) -> Array:
        parameter.grad = paddle.to_tensor(grad)
        optimizer.step()
        return parameter.numpy()

    return step


def tinygrad_adam(theta0: Array, *, lr: float, beta1: float, beta2: float, eps: float) -> Step:
    """tinygrad.nn.optim.Adam."""
    from tinygrad import Tensor
    from tinygrad.nn.optim import Adam

    Tensor.training = True
    parameter = Tensor(theta0.copy())
    parameter.requires_grad = True
    optimizer = Adam([parameter], lr=lr, b1=beta1, b2=beta2, eps=eps)

    def step(grad: Array) -> Array:
        parameter.grad = Tensor(grad)
        optimizer.step()
        return parameter.numpy()

    return step


def mlx_adam(theta0: Array, *, lr: float, beta1: float, beta2: float, eps: float) -> Step:
    """mlx.optimizers.Adam with its bias correction, which it has not by default."""
    return _mlx(theta0, lr, [beta1, beta2], eps, bias_correction=True)


def mlx_adam_default(theta0: Array, *, lr: float, beta1: float, beta2: float, eps: float) -> Step:
    """mlx.optimizers.Adam as it is built by default: without bias correction."""
    return _mlx(theta0, lr, [beta1, beta2], eps)


def _mlx(theta0: Array, lr: float, betas: list[float], eps: float, **more: bool) -> Step:
    import mlx.core as mx
    from mlx.optimizers import Adam

    optimizer, weights = Adam(lr, betas=betas, eps=eps, **more), {"w": mx.array(theta0)}

    def step(grad: Array) -> Array:
        nonlocal weights
        weights = optimizer.apply_gradients({"w": mx.array(grad)}, weights)
        mx.eval(weights)
        return np.array(weights["w"])

    return step
