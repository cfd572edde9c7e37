"""Factories around optax's Adam that hand their keywords on."""

import optax


def forwards(learning_rate, **kwargs):
    return optax.adam(learning_rate, **kwargs)


def injected(learning_rate, **kwargs):
    return optax.inject_hyperparams(optax.adam)(learning_rate, **kwargs)


def static(learning_rate, b1=0.9, b2=0.999, eps=1e-8):
    """The state keeps all but the rate."""
    make = optax.inject_hyperparams(optax.adam, static_args=("learning_rate",))
    return make(learning_rate, b1, b2, eps)


def anything(*args, **kwargs):
    return optax.adam(*args, **kwargs)
