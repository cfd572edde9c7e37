"""What a target says of itself: hyperparameters that are fixed, and limits of what it takes.

A target declares it by ``adamcheck.limits(...)`` or an attribute ``adamcheck_limits`` (a mapping,
so that it need not import adamcheck); a project by its config; a caller by ``fixed`` and
``declared``. It is one record, which the session hands on: what is declared is neither asked for
nor failed, and every report says it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from adamcheck.errors import UsageError, closest
from adamcheck.spec.hyperparameters import HYPERPARAMETERS
from adamcheck.text import with_article

ATTRIBUTE: Final = "adamcheck_limits"
"""Where a target carries what ``limits`` was given."""
_ABOVE, _BELOW = "_above", "_below"
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What is declared of a target; the empty record says nothing.

    fixed: hyperparameters that it has and does not let be set, with their values. above, below:
    ends that a hyperparameter's values stay beyond or under. one_dimensional: it takes arrays of
    one axis only. least_size: elements that an array has at least. flushes_subnormals: its
    arithmetic turns subnormal numbers into zero, whether or not that shows in a measurement.
    """

    fixed: Mapping[str, float] = field(default_factory=dict)
    above: Mapping[str, float] = field(default_factory=dict)
    below: Mapping[str, float] = field(default_factory=dict)
    one_dimensional: bool = False
    least_size: int = 0
    flushes_subnormals: bool = False

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of this shape is one that the target says it takes."""
        if self.one_dimensional and len(shape) != 1:
            return False
        return math.prod(shape) >= self.least_size

    def denied(self, values: Mapping[str, float]) -> str:
        """Why these values cannot all be asked of the target; empty where they can."""
        for name, value in values.items():
            if name in self.fixed and value != self.fixed[name]:
                return f"{name} is fixed at {self.fixed[name]:g}"
            if value <= self.above.get(name, -math.inf):
                return f"{name} is declared to be above {self.above[name]:g}"
            if value >= self.below.get(name, math.inf):
                return f"{name} is declared to be below {self.below[name]:g}"
        return ""

    def settled(self, values: Mapping[str, float]) -> dict[str, float]:
        """The values, as near to what is asked for as the target lets them be set.

        One at or beyond an end comes a tenth of the way from the end to the usual value inside.
        """
        return {name: self._settled(name, float(x)) for name, x in values.items()}

    def _settled(self, name: str, value: float) -> float:
        if name in self.fixed:
            return self.fixed[name]
        low, high = self.above.get(name, -math.inf), self.below.get(name, math.inf)
        if low < value < high:
            return value
        end = low if value <= low else high
        inner = HYPERPARAMETERS[name].usual[0]
        if not low < inner < high:
            inner = 2.0 * end if math.isinf(low + high) else 0.5 * (low + high)
        return end + 0.1 * (inner - end)

    def document(self) -> dict[str, Any]:
        """The words and values that ``read`` takes; only those that say something."""
        plain: dict[str, Any] = {}
        if self.fixed:
            plain["fixed"] = dict(self.fixed)
        plain |= {f"{name}{_ABOVE}": x for name, x in self.above.items()}
        plain |= {f"{name}{_BELOW}": x for name, x in self.below.items()}
        plain |= {name: x for name in _PLAIN if (x := getattr(self, name))}
        return plain

    def told(self) -> str:
        """The limits in words, without the fixed hyperparameters; empty where there are none."""
        parts = ["arrays of one axis only"] if self.one_dimensional else []
        if self.least_size:
            parts.append(
                f"arrays of at least {self.least_size} element{'s' * (self.least_size > 1)}"
            )
        parts += [f"{name} above {x:g}" for name, x in self.above.items()]
        parts += [f"{name} below {x:g}" for name, x in self.below.items()]
        if self.flushes_subnormals:
            parts.append("subnormal numbers flushed to zero")
        return ", ".join(parts)

    def told_fixed(self) -> str:
        """``beta1 fixed at 0.9, eps fixed at 1e-08``; empty where nothing is."""
        return ", ".join(f"{name} fixed at {x!r}" for name, x in self.fixed.items())


NOTHING: Final = Declared()
"""What is declared of a target of which nobody says anything."""
_PLAIN: Final = ("one_dimensional", "least_size", "flushes_subnormals")


def limits(**words: Any) -> Callable[[T], T]:
    """Declare limits of a target: ``@adamcheck.limits(one_dimensional=True, beta1_above=0)``.

    Words: ``one_dimensional``, ``least_size``, ``flushes_subnormals``, ``fixed`` (a mapping from a
    hyperparameter to its value), and ``NAME_above`` and ``NAME_below`` for every hyperparameter.
    What was declared before on the same object stays. Raises UsageError for a word or a value that
    makes no sense.
    """
    read(words, "limits")

    def declare(target: T) -> T:
        known = getattr(target, ATTRIBUTE, {})
        setattr(target, ATTRIBUTE, {**known, **words})
        return target

    return declare


def read(words: Any, place: str) -> Declared:
    """The record that words and values declare; UsageError names ``place`` and what is wrong."""
    if isinstance(words, Declared):
        return words
    if not isinstance(words, Mapping):
        kind = with_article(type(words).__name__)
        raise UsageError(f"{place}: {kind} is no mapping; such as {{'one_dimensional': True}}")
    fixed = read_fixed(words.get("fixed", {}), f"{place}: fixed")
    above: dict[str, float] = {}
    below: dict[str, float] = {}
    plain: dict[str, Any] = {}
    for word, value in words.items():
        if word == "fixed":
            continue
        if word in _PLAIN:
            plain[word] = _plain(word, value, place)
            continue
        name, ends = (str(word).removesuffix(_ABOVE), above)
        if str(word).endswith(_BELOW):
            name, ends = str(word).removesuffix(_BELOW), below
        if name == word or name not in HYPERPARAMETERS:
            raise UsageError(
                f"{place}: unknown limit {word!r}; known are fixed, {', '.join(_PLAIN)}, and"
                f" NAME_above and NAME_below of a hyperparameter.{closest(str(word), _words())}"
            )
        ends[name] = _number(value, f"{place}: {word}")
    for name in {*above, *below}:
        low, high = above.get(name, -math.inf), below.get(name, math.inf)
        if not low < high:
            raise UsageError(f"{place}: no {name} lies above {low:g} and below {high:g}")
        if name in fixed and not low < fixed[name] < high:
            raise UsageError(f"{place}: {name} is fixed at {fixed[name]:g}, outside of its limits")
    return Declared(fixed=fixed, above=above, below=below, **plain)


def read_fixed(values: Any, place: str) -> dict[str, float]:
    """Fixed hyperparameters by their common names, checked."""
    if not isinstance(values, Mapping):
        kind = with_article(type(values).__name__)
        raise UsageError(f"{place}: {kind} is no mapping; such as {{'beta1': 0.9}}")
    fixed = {}
    for name, value in values.items():
        if name not in HYPERPARAMETERS:
            known = ", ".join(HYPERPARAMETERS)
            raise UsageError(
                f"{place}: unknown hyperparameter {name!r}; known are {known}."
                f"{closest(str(name), HYPERPARAMETERS)}"
            )
        number = _number(value, f"{place}: {name}")
        if not HYPERPARAMETERS[name].admits(number):
            raise UsageError(f"{place}: {name}={number:g} is outside of what {name} may be")
        fixed[str(name)] = number
    return fixed


def declared_by(target: Any, name: str) -> Declared:
    """What a target carries, itself or in what it wraps; UsageError where that makes no sense."""
    seen: set[int] = set()
    while target is not None and id(target) not in seen:
        seen.add(id(target))
        words = getattr(target, ATTRIBUTE, None)
        if words is not None:
            return read(words, f"target {name!r}: {ATTRIBUTE}")
        target = getattr(target, "func", None) or getattr(target, "__wrapped__", None)
    return Declared()


def joined(first: Declared, second: Declared, place: str) -> Declared:
    """Both together; what the second says of a word stands."""
    one, two = first.document(), second.document()
    fixed = {**one.pop("fixed", {}), **two.pop("fixed", {})}
    return read({**one, **two, "fixed": fixed}, place)


def _plain(word: str, value: Any, place: str) -> Any:
    if word == "least_size":
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise UsageError(f"{place}: {word}={value!r} must be a whole number from 0 on")
    elif not isinstance(value, bool):
        raise UsageError(f"{place}: {word}={value!r} must be true or false")
    return value


def _number(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise UsageError(f"{place}={value!r} must be a finite number")
    return float(value)


def _words() -> list[str]:
    ends = [f"{name}{end}" for name in HYPERPARAMETERS for end in (_ABOVE, _BELOW)]
    return ["fixed", *_PLAIN, *ends]
