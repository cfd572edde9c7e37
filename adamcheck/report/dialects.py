"""What each convention of a spec means, in words and in a formula, for reports and the README."""

from __future__ import annotations

from typing import Final

from adamcheck.spec import ALIASES, SWITCHES, Spec

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


def describe(spec: Spec) -> str:
    """The spec in words: what sets it apart from Algorithm 1 of Kingma & Ba 2015."""
    default = Spec()
    apart = [
        MEANINGS[switch][getattr(spec, switch)]
        for switch in SWITCHES
        if getattr(spec, switch) != getattr(default, switch)
    ]
    if not apart:
        return "Algorithm 1 of Kingma & Ba 2015"
    return "; ".join(apart)


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
