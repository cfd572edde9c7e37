"""An inferred edit in one sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from adamcheck.identify.guards import Limits
from adamcheck.mutations.edits import Edit, Guard
from adamcheck.mutations.language import indices, labels
from adamcheck.program import Program
from adamcheck.result import InferredEdit

_NAMES: Final = {
    "g": "the gradient",
    "(g*g)": "g²",
    "m": "the stored m",
    "v": "the stored v",
    "m'": "m",
    "v'": "v",
    "v_max": "the stored v_max",
    "v_max'": "v_max",
    "velocity": "the stored velocity",
    "velocity'": "the velocity",
    "m_hat": "m̂",
    "v_hat": "v̂",
    "sqrt(v_hat)": "√v̂",
    "denominator": "the denominator",
    "(m_hat/denominator)": "m̂/denominator",
    "update": "the update",
    "theta": "the parameter before the step",
    "theta'": "the parameter",
    "lr": "lr",
    "beta1": "β1",
    "beta2": "β2",
    "eps": "ε",
    "eps_root": "the ε under the root",
    "weight_decay": "λ",
    "(1-beta1)": "the weight 1-β1",
    "(1-beta2)": "the weight 1-β2",
    "p1'": "β1^t",
    "p2'": "β2^t",
    "p1": "β1^(t-1)",
    "p2": "β2^(t-1)",
    "(1-p1')": "1-β1^t",
    "(1-p2')": "1-β2^t",
}
_KINDS: Final = {
    "add": "sum",
    "sub": "difference",
    "mul": "product",
    "div": "quotient",
    "max": "maximum",
    "min": "minimum",
}
_INSERTED: Final = {
    "neg": "the sign of {0} is turned",
    "abs": "the magnitude of {0} is taken",
    "sqrt": "the root of {0} is taken",
    "square": "{0} is squared",
}
_COUPLED: Final = {
    "mean": "{0} is replaced by its mean over the array",
    "center": "the mean over the array is subtracted from {0}",
    "rms": "{0} is replaced by its root mean square over the array",
    "largest": "{0} is replaced by its largest magnitude in the array",
    "normalize": "{0} is divided by its norm",
}
_SIDES: Final = {"state": ", in what is kept only", "use": ", in what is used but not kept"}


def place_in_words(place: str) -> str:
    """A value of a program, by its label."""
    return _NAMES.get(place, place)


def interval_in_words(name: str, low: float, high: float) -> str:
    """``c = 2`` where only one number is left in it, else ``1.98 <= c <= 2.03``.

    With so many digits that the ends differ, and that neither reads 1, which changes nothing, where
    it is another number.
    """
    if math.isinf(low) and math.isinf(high):
        return f"any {name}"
    if math.isinf(high):
        return f"{name} >= {low:.6g}"
    if math.isinf(low):
        return f"{name} <= {high:.6g}"
    digits = 6
    while digits < 17 and (
        (low != high and f"{low:.{digits}g}" == f"{high:.{digits}g}")
        or any(x != 1.0 and float(f"{x:.{digits}g}") == 1.0 for x in (low, high))
    ):
        digits += 1
    a, b = f"{low:.{digits}g}", f"{high:.{digits}g}"
    return f"{name} = {a}" if a == b else f"{a} <= {name} <= {b}"


def edit_in_words(program: Program, edit: Edit, ends: Mapping[str, tuple[float, float]]) -> str:
    """What an edit does, with its numbers as intervals; its guard aside."""
    place, word = place_in_words(edit.place), str(edit.get("with", ""))
    other = place_in_words(word)
    numbers = ", ".join(interval_in_words(n, *e) for n, e in ends.items())
    match edit.operator:
        case "scale":
            said = f"{place} is multiplied by c, {numbers}"
        case "shift":
            said = f"c is added to {place}, {numbers}"
        case "clip":
            said = f"{place} is clipped at c, {numbers}"
        case "clip-norm":
            said = f"{place} is scaled down where its norm exceeds c, {numbers}"
        case "reset":
            said = f"{place} is 0"
        case "hyper" if "value" in ends:
            said = f"{place} in use is {ends['value'][0]:.15g}, whatever was asked for"
        case "hyper" if word == "complement":
            said = f"1-{place} is used in place of {place}"
        case "hyper":
            said = f"{other} is used in place of {place}"
        case "delay":
            said = f"{place} is that of the step before"
        case "hold":
            said = f"{place} stays what it was"
        case "before":
            said = f"{place} is read before the step changes it"
        case "after":
            said = f"{place} is read after the step has changed it"
        case "running":
            kind = {"max": "its running maximum", "min": "its running minimum"}
            said = f"{place} is {kind.get(str(edit['kind']), 'its last term')}, not an average"
        case "round":
            to = edit["to"]
            said = (
                f"{place} is rounded to {to if isinstance(to, str) else f'{to} significand bits'}"
            )
        case "insert":
            said = _INSERTED[str(edit["f"])].format(place)
        case "couple":
            said = _COUPLED[str(edit["by"])].format(place)
        case "operation":
            said = f"{place} is the {_KINDS.get(word, word)} of its two parts"
        case "operand":
            said = f"{place} is formed with {other} in place of {_part(program, edit)}"
        case "drop":
            said = f"{place} is only {_part(program, edit)}"
        case _:
            said = f"{edit.operator} at {place}"
    return said + _SIDES.get(str(edit.get("side", "")), "")


def _part(program: Program, edit: Edit) -> str:
    """The operand that an edit points at."""
    plain = program.expanded
    op = plain.ops[indices(plain)[edit.place]]
    return place_in_words(labels(plain)[op.args[int(edit["arg"] or 0)]])


def inferred_edit(
    program: Program,
    edit: Edit,
    ends: Mapping[str, tuple[float, float]],
    guard: Guard | None,
    limits: Limits,
    reach: Mapping[str, tuple[float, float]] = MappingProxyType({}),
) -> InferredEdit:
    """An edit as a record, from the intervals of its numbers and of its guard's.

    reach: the steps and gradients at which an edit without a guard was seen to act.
    """
    conditions = guard.conditions if guard is not None else ()
    names = ["", *(f"also{k}." if k > 1 else "also." for k in range(1, len(conditions)))]
    numbers = {
        f"{prefix}{name}": pair
        for prefix, each in zip(names, limits, strict=False)
        for name, pair in each.items()
    }
    parts = [guard_in_words(one, each) for one, each in zip(conditions, limits, strict=False)]
    return InferredEdit(
        operator=edit.operator,
        place=edit.place,
        text=edit_in_words(program, edit, ends) + ",".join(parts) + reach_in_words(reach),
        parameters=dict(ends),
        guard=" and ".join(one.kind for one in conditions),
        guard_parameters=numbers,
        notation=str(replace(edit, guard=_open(guard))),
        reach=dict(reach),
    )


def _open(guard: Guard | None) -> Guard | None:
    """The guard with its numbers left open."""
    return None if guard is None else Guard(guard.kind, also=_open(guard.also))


def reach_in_words(reach: Mapping[str, tuple[float, float]]) -> str:
    """How far was looked, as the end of a sentence; empty where that is not known."""
    if not reach:
        return ""
    said = (f"{name} from {low:.6g} to {high:.6g}" for name, (low, high) in reach.items())
    return f" (seen for {' and '.join(said)})"


def guard_in_words(guard: Guard | None, ends: Mapping[str, tuple[float, float]]) -> str:
    """When an edit acts by one condition, as the end of a sentence; empty for always."""
    if guard is None:
        return ""
    low, high = ends.get("at", (0.0, 0.0))
    number = _whole(low, high)
    match guard.kind:
        case "t>=":
            return f" from step {number} on"
        case "t<":
            return f" up to step {_whole(low - 1, high - 1)}"
        case "t==":
            return f" at step {number} only"
        case "t%":
            return f" at every {_period(low, high)} step" + _rest(ends)
        case "|g|>=":
            return f" where |g| is at least some number in ({low:.6g}, {high:.6g}]"
        case "|g|<":
            return f" where |g| is below some number in ({low:.6g}, {high:.6g}]"
        case "silence>=":
            return f" after {number} or more gradients of zero"
        case "index==":
            return f" in element {number} only"
        case "index==last":
            return " in the last element only"
        case "index%":
            return f" in every {_period(low, high)} element" + _rest(ends)
    return f" in arrays of {number} elements or more"


def _rest(ends: Mapping[str, tuple[float, float]]) -> str:
    rest = int(ends.get("rest", (0.0, 0.0))[0])
    return f" (those that leave {rest})" if rest else ""


def _whole(low: float, high: float) -> str:
    if math.isinf(high):
        return f"{low:.0f} or later"
    return f"{low:.0f}" if low == high else f"{low:.0f} … {high:.0f}"


def _period(low: float, high: float) -> str:
    return f"{_th(low)} or rarer" if math.isinf(high) else _th(low)


def _th(number: float) -> str:
    k = int(number)
    ending = {1: "st", 2: "nd", 3: "rd"}.get(k % 10, "th") if k % 100 not in (11, 12, 13) else "th"
    return f"{k}{ending}"
