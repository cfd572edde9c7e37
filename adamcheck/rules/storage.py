"""Switches of what a target stores, the same for every rule: they change roundings, no formula.

Over the real numbers a spec with them is the spec without. ``adamcheck/storage.py`` says what each
word admits of an evaluation.
"""

from __future__ import annotations

from typing import Final

from adamcheck.formats import FORMATS
from adamcheck.rules.language import Switch, Word

STORAGE: Final[dict[str, Switch]] = {
    "moments": {
        "native": Word("every moment is kept in the parameter's format or a wider one"),
        **{name: Word(f"every moment is rounded to {name} where it is kept") for name in FORMATS},
    },
    "m": {
        "moments": Word("the first moment is kept like the others"),
        **{name: Word(f"the first moment alone is kept in {name}") for name in FORMATS},
    },
    "arithmetic": {
        "any": Word("an operation rounds to the widest format of its operands, or a wider one"),
        "float32": Word("operations round to float32 or wider, and what is kept once more"),
        "float64": Word("operations round to float64, and what is kept once more"),
    },
    "rounding": {
        "nearest": Word("θ is rounded to the nearest number of its format"),
        "stochastic": Word("θ is rounded to one of its two neighbours, by chance and unbiased"),
        "truncate": Word("θ is rounded towards zero"),
    },
    "master": {
        "any": Word("θ is what is shown, or the rounding of a wider one behind it"),
        "none": Word("θ is what is shown: no other copy is kept"),
        "float32": Word("a float32 θ is kept, and shown rounded: no update is lost"),
        "float64": Word("a float64 θ is kept, and shown rounded: no update is lost"),
    },
    "kahan": {
        "no": Word("what rounding takes from an update is gone"),
        "yes": Word("what rounding takes from an update is kept and added to the next one"),
    },
    "bits": {
        "none": Word("moments are kept as numbers"),
        "8": Word("moments of large arrays are kept as 8-bit codes, in blocks"),
        "4": Word("moments of large arrays are kept as 4-bit codes, in blocks"),
    },
    "blocks": {
        size: Word(f"{size} elements in C order have one scale, their largest magnitude")
        for size in ("256", "32", "64", "128", "512", "1024", "2048", "4096")
    },
    "blocks_from": {
        size: Word(f"arrays of {size} elements and more are kept in blocks")
        for size in ("4096", "1", "256", "512", "1024", "2048", "8192", "16384", "65536")
    },
    "map": {
        "dynamic": Word("codes stand for dynamic-exponent numbers (Dettmers et al. 2022)"),
        "dynamic-table": Word("the same, found by the first 16 bits of an element's quotient"),
        "linear": Word("codes stand for equally spaced numbers"),
        "dynamic-linear": Word("dynamic-exponent numbers for m, equally spaced ones for v"),
        "float8": Word("codes are float8_e4m3 numbers, the largest of which is the scale"),
    },
}
"""What is kept in which format, and how wide the arithmetic between is."""

UNCLAIMED: Final[dict[str, str]] = {name: next(iter(words)) for name, words in STORAGE.items()}
"""Each of these switches with its default, which claims nothing."""
