"""What is stored: formats, copies behind θ, roundings and blocks, other than the spec claims.

An honest twin stores what is claimed, with arithmetic as wide as the claim allows or as narrow; a
mutant stores in narrower formats, in other blocks, by another rounding, or loses what it should
keep.
"""

from __future__ import annotations

import numpy as np

from adamcheck.formats import FORMATS
from adamcheck.mutations.orders import Order, draw
from adamcheck.program import trace
from adamcheck.spec import parse_spec

from ..cases import Case

_TARGET = "adamcheck.mutations.stored"
_RULES = ("adam", "adam", "adamw", "amsgrad", "adam[eps=hat]", "momentum", "rmsprop", "nadam")
Drawn = tuple[dict[str, str], dict[str, str], dict[str, str]]
"""(what is claimed, what the mutant stores instead, its options)."""


def mutant(seed: int, index: int, dtype: str, specs: tuple[str, ...] = ()) -> Case:
    """Something that is stored otherwise than it is claimed."""
    rng = np.random.default_rng([seed, index, *dtype.encode(), *b"storage"])
    rule = _rule(rng, specs)
    claimed, stored, options = _drawn(rng, dtype)
    return _case("mutant", seed, index, dtype, rule, claimed, claimed | stored, options)


def honest(seed: int, index: int, dtype: str, specs: tuple[str, ...] = ()) -> Case:
    """The claim of a mutant, kept."""
    rng = np.random.default_rng([seed, index, *dtype.encode(), *b"storage", 1])
    rule = _rule(rng, specs)
    claimed, _, _ = _drawn(rng, dtype)
    options = dict[str, str]()
    formats = claimed.keys() == {"moments", "arithmetic"} and claimed["moments"] != "float16"
    if formats and rng.integers(2):
        claimed, options = _narrow(rng, rule, claimed["moments"], dtype)
    return _case("honest", seed, index, dtype, rule, claimed, claimed, options)


def _narrow(
    rng: np.random.Generator, rule: str, name: str, dtype: str
) -> tuple[dict[str, str], dict[str, str]]:
    """A claim of formats alone, and an order whose operations round to their operands' formats."""
    claimed = {"moments": name}
    if rng.integers(2):
        claimed["m"] = "bfloat16" if name == "float32" else "float32"
    order = draw(trace(parse_spec(rule)), rng, dtype=dtype)
    options = {"order": str(Order(order.forms)) or "plain"}
    return claimed, options | ({"reads": "kept"} if rng.integers(2) else {})


def _rule(rng: np.random.Generator, specs: tuple[str, ...]) -> str:
    pool = specs or _RULES
    return pool[rng.integers(len(pool))]


def _case(
    kind: str,
    seed: int,
    index: int,
    dtype: str,
    rule: str,
    claimed: dict[str, str],
    stored: dict[str, str],
    options: dict[str, str],
) -> Case:
    base = parse_spec(rule)
    claim, runs = (base.with_(**words) for words in (claimed, stored))
    said = ", ".join(f"{n}={x}" for n, x in {**runs.stored, **options}.items()) or "nothing claimed"
    at = f"{_TARGET}:{runs}"
    given = tuple(options.items())
    return Case(kind, seed, index, str(claim), dtype, said, "storage", at, given)


def _drawn(rng: np.random.Generator, dtype: str) -> Drawn:
    fmt = FORMATS[dtype]
    kinds = ["format", "digits", "blocks"]
    kinds += ["behind", "rounding"] if fmt.narrow else []
    kind = kinds[rng.integers(len(kinds))]
    if kind == "behind":
        forgets = {"forgets": str(rng.choice(("always", "load")))}
        if rng.integers(2):
            return {"kahan": "yes"}, {}, forgets
        wide = {"moments": "float32", "arithmetic": "float32"}
        return wide | {"master": "float32"}, {}, forgets
    if kind == "rounding":
        wide = {"arithmetic": "float32", "rounding": "stochastic"}
        if rng.integers(2):
            return wide, {"rounding": str(rng.choice(("nearest", "truncate")))}, {}
        return wide, {}, {"chance": f"{rng.uniform(0.1, 0.5):.3f}"}
    if kind == "blocks":
        return _blocks(rng)
    name = str(rng.choice(("float32", "bfloat16", "float16")))
    claimed = {"moments": name, "arithmetic": "float64" if fmt.is_double else "float32"}
    if kind == "digits":
        few = int(rng.integers(3, FORMATS[name].precision))
        return claimed, {}, {"digits": str(few)}
    others = [f.name for f in FORMATS.values() if f.name != name and f.precision < 53]
    return claimed, {"moments": others[rng.integers(len(others))]}, {}


def _blocks(rng: np.random.Generator) -> Drawn:
    size = int(2 ** rng.integers(5, 10))
    claimed = {
        "arithmetic": "float32",
        "bits": "8",
        "blocks": str(size),
        "blocks_from": str(2 ** rng.integers(10, 13)),
        "map": str(rng.choice(("dynamic", "linear", "float8"))),
    }
    fault = rng.integers(4)
    if fault == 0:
        return claimed, {}, {"scale": str(rng.choice(("neighbour", "global")))}
    if fault == 1:
        other = size * 2 if rng.integers(2) else size // 2
        return claimed, {"blocks": str(min(max(other, 32), 4096)) if other != 16 else "64"}, {}
    if fault == 2:
        return claimed, {"bits": "4"} if claimed["map"] != "float8" else {"map": "linear"}, {}
    return claimed, {"blocks_from": "256"}, {}
