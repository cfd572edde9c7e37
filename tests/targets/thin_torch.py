"""Thin subclasses, partials and factories of PyTorch's Adam: the real signature is elsewhere."""

import functools

import torch


class Thin(torch.optim.Adam):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)


class Narrowed(torch.optim.Adam):
    def __init__(self, params, **kwargs):
        super().__init__(params, betas=(0.9, 0.99), **kwargs)


Partial = functools.partial(torch.optim.AdamW, eps=1e-6)


def made(params, lr=1e-3, beta1=0.9):
    return torch.optim.Adam(params, lr=lr, betas=(beta1, 0.999))
