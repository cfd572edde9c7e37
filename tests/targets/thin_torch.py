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


class UsesGradients(torch.optim.Adam):
    """Leaves something else in the gradients, as in-place decays do."""

    def step(self, closure=None):
        loss = super().step(closure)
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.grad.mul_(3.0)
        return loss


class WideState(torch.optim.Optimizer):
    """Keeps float32 moments beside any parameter, and those that are loaded as they come."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state, g = self.state[p], p.grad.float()
                if not state:
                    wide = torch.zeros_like(p, dtype=torch.float32)
                    state.update(step=0, exp_avg=wide, exp_avg_sq=wide.clone())
                state["step"] += 1
                t, m, v = state["step"], state["exp_avg"], state["exp_avg_sq"]
                m.mul_(b1).add_(g, alpha=1 - b1)
                v.mul_(b2).addcmul_(g, g, value=1 - b2)
                root = (v.sqrt() / (1 - b2**t) ** 0.5).add_(group["eps"])
                p.copy_(p.float().addcdiv_(m, root, value=-group["lr"] / (1 - b1**t)))

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)  # which brings them into the parameter's format
        params = [p for group in self.param_groups for p in group["params"]]
        for index, saved in state_dict["state"].items():
            for key in ("exp_avg", "exp_avg_sq"):
                self.state[params[index]][key] = saved[key].detach().clone()


class DecaysByDefault(torch.optim.Adam):
    """Looks at the default decay alone to see whether anything decays."""

    def step(self, closure=None):
        kept = [group["weight_decay"] for group in self.param_groups]
        if self.defaults["weight_decay"] == 0:
            for group in self.param_groups:
                group["weight_decay"] = 0
        loss = super().step(closure)
        for group, own in zip(self.param_groups, kept, strict=True):
            group["weight_decay"] = own
        return loss


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


class GradientlessAndTwice(Gradientless):
    """Wrong with a closure: what it gives is taken twice over."""

    def step(self, closure=None):
        if closure is None:
            return super().step()
        loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                p.grad *= 1.5
        super().step()
        return loss


class OwnFormatsOnly(torch.optim.Adam):
    """Takes no state whose moments are in another format than the parameter."""

    def load_state_dict(self, state_dict):
        known = [p for group in self.param_groups for p in group["params"]]
        for p, one in zip(known, state_dict["state"].values(), strict=False):
            if one["exp_avg"].dtype != p.dtype:
                raise ValueError("moments in another format")
        super().load_state_dict(state_dict)


class Recounts(torch.optim.Adam):
    """Wrong: a count that comes back in few digits starts again."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for one in self.state.values():
            if one["step"].dtype in (torch.float16, torch.bfloat16) and one["step"] > 2:
                one["step"] = torch.zeros_like(one["step"])
