"""What is claimed and in which words: the notation of specs, and one record a hyperparameter."""

from adamcheck.spec.notation import (
    ALIASES,
    CONVENTIONS,
    SWITCHES,
    Spec,
    Words,
    parse_spec,
    register,
)

__all__ = ["ALIASES", "CONVENTIONS", "SWITCHES", "Spec", "Words", "parse_spec", "register"]
