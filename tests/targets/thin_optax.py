"""Factories around optax's Adam that hand their keywords on."""

import optax


def forwards(learning_rate, **kwargs):
    return optax.adam(learning_rate, **kwargs)


def anything(*args, **kwargs):
    return optax.adam(*args, **kwargs)
