"""Switches that rules share: their words, what each means, and which hyperparameter it reads.

The first word of a switch is its default. A rule takes a switch whole, some of its words in an
order of its own, or says in its own file what a word means for it.
"""

from __future__ import annotations

from typing import Final

from adamcheck.rules.language import Switch, Word

BOTH_BETAS: Final = ("beta1", "beta2")

EPS: Final[Switch] = {
    "outside": Word("…/(√v̂+ε): ε outside the root"),
    "hat": Word("ε is added to the uncorrected root"),
    "inside": Word("…/√(v̂+ε): ε inside the root"),
    "both": Word("…/(√(v̂+ε_root)+ε): one ε inside and one outside", ("eps_root",)),
    "none": Word("no ε"),
}
"""Where ε stands; hat is the unscaled ε̂ of Kingma & Ba 2015, §2, last lines."""

FIRST_T: Final[Switch] = {
    "1": Word("the first step is t=1"),
    "0": Word("the first step is t=0"),
    "2": Word("the first step is t=2"),
}
"""The number that the first step calls t: 1 in Algorithm 1."""

ACCUMULATOR: Final[Switch] = {
    "zero": Word("v starts at 0"),
    "one": Word("v starts at 1"),
    "initial": Word("v starts at the hyperparameter initial_accumulator", ("initial_accumulator",)),
}

VELOCITY: Final[dict[str, Switch]] = {
    "nesterov": {
        "no": Word("steps along the velocity"),
        "yes": Word("steps along what the velocity would be after the same gradient once more"),
    },
    "form": {
        "outside": Word("α multiplies the velocity"),
        "inside": Word("α goes into the velocity with the gradient"),
    },
}

SHARED: Final[dict[str, Switch]] = {
    # the last two are couplings that exist in the wild and are not AdamW
    "decay": {
        "none": Word("no weight decay"),
        "l2": Word(
            "λθ is added to the gradient, so it passes through all state", ("weight_decay",)
        ),
        "decoupled": Word("θ shrinks by α·λ·θ beside the step (AdamW)", ("weight_decay",)),
        "decoupled-unscaled": Word("θ shrinks by λ·θ, not multiplied by α", ("weight_decay",)),
        "decoupled-after": Word(
            "θ shrinks after the step, so the step shrinks with it", ("weight_decay",)
        ),
    },
    "maximize": {"no": Word("descends"), "yes": Word("ascends: the gradient's sign is turned")},
    # precision in which β, 1-β, β^t and α are kept; "any" admits both and names the one found
    "scalars": {
        "any": Word(
            "β, 1-β, β^t and α in float64 or in the array's dtype; the verdict names which"
        ),
        "float64": Word("β, 1-β, β^t and α in float64"),
        "array": Word("β, 1-β, β^t and α in the array's dtype"),
    },
}
"""What every rule has."""

ABSENT: Final[dict[str, str]] = {
    "eps": "none",
    "bias_correction": "none",
    "decay": "none",
    "amsgrad": "none",
    "maximize": "no",
    "first_t": "1",
    "scalars": "any",
    "nesterov": "no",
    "form": "outside",
    "dampening": "none",
    "centered": "no",
    "momentum": "no",
    "accumulator": "zero",
    "lr_decay": "no",
    "schedule": "constant",
    "lookahead": "no",
    "cut": "none",
}
"""What stands for a switch in a rule that does not have it."""
