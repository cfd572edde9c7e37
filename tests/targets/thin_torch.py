"""Thin subclasses, partials and factories of PyTorch's Adam: the real signature is elsewhere."""

import functools

import torch


class Thin(torch.optim.Adam):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)


class Narrowed(torch.optim.Adam):
    def __init__(self, params, **kwargs):
        super().__init__(params, betas=(0.9, 0.99), **kwargs)


class Own(torch.optim.Optimizer):
    """Reads its words itself; its base has one parameter, which it gives."""

    def __init__(self, params, **kw):
        words = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8}
        super().__init__(params, {name: kw.get(name, x) for name, x in words.items()})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.sub_(p.grad, alpha=group["lr"])


class Halving(Own):
    """Divides the rate in place: of a number that is a new one, of a tensor it is its own."""

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            rate = group["lr"]
            rate /= 2.0
            for p in group["params"]:
                p.sub_(2.0 * rate * p.grad)


class Picks(torch.optim.Adam):
    """Takes any word, and hands on two."""

    def __init__(self, params, **kw):
        super().__init__(params, **{name: kw[name] for name in ("lr", "eps") if name in kw})


class OneState(Own):
    """Keeps one moment under a name that says nothing of which, as sign descent does."""

    def step(self, closure=None):
        super().step()
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p].setdefault("state1", p.grad.clone())


Partial = functools.partial(torch.optim.AdamW, eps=1e-6)


def made(params, lr=1e-3, beta1=0.9):
    return torch.optim.Adam(params, lr=lr, betas=(beta1, 0.999))


class Unzeroing(torch.optim.Adam):
    """zero_grad leaves gradients where they are: the next ones are added to them."""

    def zero_grad(self, set_to_none=True):
        pass


class Twice(torch.optim.Adam):
    """Takes the loss twice a step."""

    def step(self, closure=None):
        if closure is not None:
            closure()
        return super().step(closure)


class Gradientless(torch.optim.Adam):
    """Raises where no parameter has a gradient."""

    def step(self, closure=None):
        given = [p.grad for g in self.param_groups for p in g["params"] if p.grad is not None]
        given[0].dtype  # noqa: B018
        return super().step(closure)
