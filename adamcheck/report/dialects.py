"""What each convention of a spec means, in words and in a formula, for reports and the README."""

from __future__ import annotations

from typing import Final

from adamcheck.spec import ALIASES, CONVENTIONS, SWITCHES, Spec

MEANINGS: Final[dict[str, dict[str, str]]] = {
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
    "decay": {
        "none": "no weight decay",
        "l2": "λθ is added to the gradient, so it passes through m and v",
        "decoupled": "θ shrinks by α·λ·θ beside the step (AdamW)",
        "decoupled-unscaled": "θ shrinks by λ·θ, not multiplied by α",
        "decoupled-after": "θ shrinks after the step, so the step shrinks with it",
    },
    "amsgrad": {
        "none": "no running maximum",
        "v": "the root is taken of max v_i, corrected afterwards",
        "vhat": "the root is taken of max v̂_i, each corrected before",
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
}


RULES: Final[dict[str, str]] = {
    "adam": "Algorithm 1 of Kingma & Ba 2015",
    "gd": "gradient descent: θ - α·g",
    "momentum": "heavy ball: b = μ·b + g, θ - α·b",
    "adagrad": "AdaGrad: v = Σ g², θ - α·g/(√v+ε)",
    "rmsprop": "RMSProp: v = β2·v + (1-β2)·g², θ - α·g/(√v+ε)",
    "adamax": "Algorithm 2 of Kingma & Ba 2015: u = max(β2·u, |g|), θ - α·m̂/u",
    "nadam": "NAdam with a constant momentum: Adam's step of β1·m/(1-β1^(t+1)) + (1-β1)·g/(1-β1^t)",
    "radam": "RAdam: Adam's step times r_t where ρ_t > 5, and α·m̂ before",
}
"""The default of each algorithm, in a line."""

_STEP_SIZE: Final = {
    "outside": "ε outside the root",
    "inside": "ε inside the root",
    "none": "no ε",
}
_HATS: Final = _STEP_SIZE | {
    "hat": "ε added to the uncorrected root",
    "both": "one ε inside the root and one outside",
}
_VELOCITY: Final = {
    "nesterov": {"no": "heavy ball", "yes": "Nesterov: the gradient once more on top of μ·b"},
    "form": {
        "outside": "α multiplies the velocity",
        "inside": "α goes into the velocity with the gradient",
    },
}
_ACCUMULATOR: Final = {
    "accumulator": {
        "zero": "v starts at 0",
        "one": "v starts at 1",
        "initial": "v starts at a hyperparameter",
    }
}
FAMILY_MEANINGS: Final[dict[str, dict[str, dict[str, str]]]] = {
    "gd": {},
    "momentum": _VELOCITY
    | {
        "dampening": {
            "none": "the gradient enters the velocity whole",
            "late": "the gradient enters with weight 1-τ from the second step on",
            "full": "the gradient enters with weight 1-τ",
            "ema": "the velocity is an average: the gradient enters with weight 1-μ",
        }
    },
    "adagrad": _ACCUMULATOR
    | {
        "eps": _STEP_SIZE,
        "lr_decay": {"no": "constant α", "yes": "α/(1 + (t-1)·decay)"},
    },
    "rmsprop": _VELOCITY
    | _ACCUMULATOR
    | {
        "eps": _STEP_SIZE,
        "bias_correction": {"none": "v as it is", "v": "v̂ = v/(1-β2^t)"},
        "centered": {"no": "the root of v", "yes": "the root of v - m²: the gradient's variance"},
        "momentum": {"no": "no velocity", "yes": "b = μ·b + g/(√v+ε), θ - α·b"},
    },
    "adamax": {
        "eps": {
            "none": "no ε",
            "outside": "α·m̂/(u+ε)",
            "gradient": "u = max(β2·u, |g|+ε)",
            "decayed": "u = max(β2·u+ε, |g|)",
        },
        "bias_correction": {"m": "m̂ = m/(1-β1^t)", "none": "m is not corrected"},
    },
    "nadam": {
        "eps": _HATS,
        "schedule": {
            "constant": "μ_t = β1",
            "momentum-decay": "μ_t = β1·(1 - 0.96^(ψt)/2) with ψ a hyperparameter",
            "0.96^(t/250)": "μ_t = β1·(1 - 0.96^(t/250)/2)",
            "0.96^t": "μ_t = β1·(1 - 0.96^t/2)",
        },
        "lookahead": {
            "yes": "m has the momentum and the correction of the next step",
            "no": "m has the momentum and the correction of this step",
        },
    },
    "radam": {
        "eps": _HATS,
        "cut": {"5": "adaptive where ρ_t > 5", "4": "adaptive where ρ_t > 4"},
    },
}
"""For each algorithm beside Adam what its own switches mean; the others are those of MEANINGS."""


def describe(spec: Spec) -> str:
    """The spec in words: its rule, or what sets it apart from its algorithm's default."""
    own = FAMILY_MEANINGS.get(spec.algorithm, {})
    apart = [
        own.get(switch, MEANINGS.get(switch, {}))[getattr(spec, switch)]
        for switch in CONVENTIONS[spec.algorithm]
        if getattr(spec, switch) != spec.default(switch)
    ]
    rule = RULES[spec.algorithm]
    if not apart:
        return rule
    return "; ".join(apart if spec.algorithm == "adam" else [rule, *apart])


def dialect_table() -> list[tuple[str, str, str]]:
    """Rows (switch, word, meaning); the first word of a switch is its default."""
    return [
        (switch, word, MEANINGS[switch][word])
        for switch, words in SWITCHES.items()
        for word in words
    ]


def alias_table() -> list[tuple[str, str]]:
    """Rows (name, what it stands for)."""
    return [(name, describe(spec)) for name, spec in ALIASES.items()]
