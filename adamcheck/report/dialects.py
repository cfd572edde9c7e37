"""What each algorithm and each convention means, in words and formulas."""

from __future__ import annotations

from typing import Final

from adamcheck.spec import ALIASES, CONVENTIONS, Spec

ALGORITHMS: Final[dict[str, str]] = {
    "adam": "Algorithm 1 of Kingma & Ba 2015",
    "gd": "gradient descent, θ - α·g",
    "momentum": "heavy ball, b = μ·b + g and θ - α·b (Polyak 1964)",
    "adagrad": "AdaGrad, v = Σg² and θ - α·g/(√v+ε) (Duchi, Hazan, Singer 2011)",
    "rmsprop": "RMSProp, θ - α·g/(√v+ε) with v an average of g² (Tieleman & Hinton 2012)",
    "adamax": "AdaMax, u = max(β2·u, |g|) and θ - α·m̂/u (Kingma & Ba 2015, Algorithm 2)",
    "nadam": "NAdam, Nesterov's look-ahead on m̂ (Dozat 2016)",
    "radam": "RAdam, the step rectified once the average is long enough (Liu et al. 2020)",
}
"""Each algorithm with the default of every switch."""

_SHARED: Final[dict[str, dict[str, str]]] = {
    "eps": {
        "outside": "…/(√v̂+ε): ε outside the root",
        "hat": "ε is added to the uncorrected root",
        "inside": "…/√(v̂+ε): ε inside the root",
        "both": "…/(√(v̂+ε_root)+ε): one ε inside and one outside",
        "none": "no ε",
    },
    "decay": {
        "none": "no weight decay",
        "l2": "λθ is added to the gradient, so it passes through all state",
        "decoupled": "θ shrinks by α·λ·θ beside the step (AdamW)",
        "decoupled-unscaled": "θ shrinks by λ·θ, not multiplied by α",
        "decoupled-after": "θ shrinks after the step, so the step shrinks with it",
    },
    "maximize": {"no": "descends", "yes": "ascends: the gradient's sign is turned"},
    "first_t": {
        "1": "the first step is t=1",
        "0": "the first step is t=0",
        "2": "the first step is t=2",
    },
    "scalars": {
        "any": "β, 1-β, β^t and α in float64 or in the array's dtype; the verdict names which",
        "float64": "β, 1-β, β^t and α in float64",
        "array": "β, 1-β, β^t and α in the array's dtype",
    },
    "nesterov": {
        "no": "steps along the velocity",
        "yes": "steps along what the velocity would be after the same gradient once more",
    },
    "form": {
        "outside": "α multiplies the velocity",
        "inside": "α goes into the velocity with the gradient",
    },
    "accumulator": {
        "zero": "v starts at 0",
        "one": "v starts at 1",
        "initial": "v starts at the hyperparameter initial_accumulator",
    },
}

_OWN: Final[dict[str, dict[str, dict[str, str]]]] = {
    "adam": {
        "eps": {
            "outside": "α·m̂/(√v̂+ε): ε outside the root (Kingma & Ba 2015, Algorithm 1)",
            "hat": "α·√(1-β2^t)/(1-β1^t)·m/(√v+ε): ε added to the uncorrected root"
            " (Kingma & Ba 2015, end of §2)",
            "inside": "α·m̂/√(v̂+ε): ε inside the root",
            "both": "α·m̂/(√(v̂+ε_root)+ε): one ε inside and one outside",
            "max": "α·m̂/max(√v̂, ε): ε as a floor",
        },
        "bias_correction": {
            "both": "m̂ = m/(1-β1^t) and v̂ = v/(1-β2^t)",
            "m": "only m is corrected",
            "v": "only v is corrected",
            "none": "neither moment is corrected",
        },
        "amsgrad": {
            "none": "no running maximum",
            "v": "the root is taken of max v_i, corrected afterwards",
            "vhat": "the root is taken of max v̂_i, each corrected before",
        },
    },
    "momentum": {
        "dampening": {
            "none": "the gradient enters the velocity whole",
            "late": "it enters with weight 1-τ from the second step on, whole at the first",
            "full": "it enters with weight 1-τ at every step",
            "ema": "it enters with weight 1-μ: the velocity is an average",
        },
    },
    "adagrad": {
        "lr_decay": {"no": "α is constant", "yes": "α/(1+(t-1)·lr_decay)"},
    },
    "rmsprop": {
        "bias_correction": {"none": "v as it is", "v": "v̂ = v/(1-β2^t)"},
        "centered": {"no": "√v", "yes": "√(v-m²): the mean's square is taken off"},
        "momentum": {"no": "no velocity", "yes": "b = μ·b + g/(√v+ε) and θ - α·b"},
    },
    "adamax": {
        "eps": {
            "none": "no ε",
            "outside": "α·m̂/(u+ε)",
            "gradient": "u = max(β2·u, |g|+ε)",
            "decayed": "u = max(β2·u+ε, |g|)",
        },
        "bias_correction": {"m": "m̂ = m/(1-β1^t)", "none": "m as it is"},
    },
    "nadam": {
        "schedule": {
            "constant": "μ_t = β1",
            "momentum-decay": "μ_t = β1·(1-0.96^(ψt)/2) with ψ the hyperparameter momentum_decay",
            "0.96^(t/250)": "μ_t = β1·(1-0.96^(t/250)/2)",
            "0.96^t": "μ_t = β1·(1-0.96^t/2)",
        },
        "lookahead": {
            "yes": "m is weighted and corrected with the next step's momentum",
            "no": "m is weighted and corrected with this step's momentum",
        },
    },
    "radam": {
        "cut": {"5": "rectified where ρ_t > 5", "4": "rectified where ρ_t > 4"},
    },
}


def meaning(algorithm: str, switch: str, word: str) -> str:
    """What one word of one switch means in an algorithm."""
    own = _OWN.get(algorithm, {}).get(switch, {})
    return own[word] if word in own else _SHARED[switch][word]


def describe(spec: Spec) -> str:
    """The spec in words: the algorithm, and what sets it apart from the algorithm's default."""
    apart = [
        meaning(spec.algorithm, switch, getattr(spec, switch))
        for switch in spec.switches
        if getattr(spec, switch) != spec.default(switch)
    ]
    # a dialect of Adam is told by its formula; the others need their name first
    named = [] if apart and spec.algorithm == "adam" else [ALGORITHMS[spec.algorithm]]
    return "; ".join(named + apart)


def dialect_table(algorithm: str = "adam") -> list[tuple[str, str, str]]:
    """Rows (switch, word, meaning); the first word of a switch is its default."""
    return [
        (switch, word, meaning(algorithm, switch, word))
        for switch, words in CONVENTIONS[algorithm].items()
        for word in words
    ]


def alias_table() -> list[tuple[str, str]]:
    """Rows (name, what it stands for)."""
    return [(name, describe(spec)) for name, spec in ALIASES.items()]
