"""What every rule is written in: plain operators and the few functions Python has no operator for.

SymPy symbols, mpmath numbers, balls, value-with-error pairs, arrays and the tracer all run rules,
so what is proved is what judges. Here are also the parts that rules have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from adamcheck.spec import Spec


class Functions(Protocol):
    """The functions that Python has no operator for, for one number type."""

    def sqrt(self, x: Any, /) -> Any: ...

    def maximum(self, x: Any, y: Any, /) -> Any: ...

    def choose(self, x: Any, a: Callable[[], Any], b: Callable[[], Any], /) -> Any:
        """``a()`` where x > 0, else ``b()``; x is one number for all elements."""


class Ops(Functions, Protocol):
    """What a rule is given: the functions, and two operations that programs keep whole."""

    def ema(self, beta: Any, old: Any, new: Any, /) -> Any:
        """One exponential moving average, in any order of evaluation."""

    def decay(self, power: Any, beta: Any, /) -> Any:
        """β^t from β^(t-1), or Π β_k where β changes: by products, pow, or exp of logarithms."""


@dataclass(frozen=True)
class Written:
    """A number type's functions, with averages and decay products written out in operators."""

    functions: Functions

    def sqrt(self, x: Any) -> Any:
        """The type's root."""
        return self.functions.sqrt(x)

    def maximum(self, x: Any, y: Any) -> Any:
        """The type's maximum."""
        return self.functions.maximum(x, y)

    def choose(self, x: Any, a: Callable[[], Any], b: Callable[[], Any]) -> Any:
        """The type's choice."""
        return self.functions.choose(x, a, b)

    def ema(self, beta: Any, old: Any, new: Any) -> Any:
        """β·old + (1-β)·new."""
        return ema(beta, old, new)

    def decay(self, power: Any, beta: Any) -> Any:
        """The next product."""
        return multiplied(power, beta)


@dataclass(frozen=True)
class Step:
    """What one step yields: the state after it, the parameter after it, and named intermediates.

    ``named`` holds ``update`` (Δ_t, what the step subtracts apart from decoupled decay) and, where
    the rule has them, ``m_hat``, ``v_hat`` and ``denominator``, for reports.
    """

    state: dict[str, Any]
    theta: Any
    named: dict[str, Any]


@dataclass(frozen=True)
class Word:
    """One word of a switch: what it means, and the hyperparameters that the rule then reads."""

    meaning: str
    reads: tuple[str, ...] = ()


Switch: TypeAlias = Mapping[str, Word]
"""The words of one switch; the first is the default."""


@dataclass(frozen=True)
class Needs:
    """Where switches hold the words ``where``, others must hold ``only``.

    ``instead`` is what a spec is asked for that breaks this.
    """

    where: Mapping[str, str]
    only: Mapping[str, str]
    instead: str


@dataclass(frozen=True)
class Special:
    """A rule that another one is where hyperparameters take the values of ``change``.

    It keeps the claimed conventions but for ``switches``. ``growing``: on gradients whose magnitude
    never falls alone; steps: how long it is so.
    """

    algorithm: str
    switches: Mapping[str, str]
    change: Mapping[str, float] = field(default_factory=dict)
    growing: bool = False
    steps: int = 32


def _none(spec: Spec) -> Iterable[Special]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Everything that is to be known of a rule, in one file.

    initial, step: the formula. clocks: states that are one number for all elements; late: the
    elementwise ones that are made of other states' new values, so that what an order may move
    across operations may be moved across them too. reads: the hyperparameters besides lr that every
    dialect reads. switches, needs: its dialects, and combinations that mean nothing. words: names
    of hyperparameters in libraries that mean something else elsewhere. scale_free: the update stays
    as it is when all gradients, and ε with them, are scaled. theorems: slugs of what is proved.
    formula: what stands for the title in tables, where that holds none. proposed: the values that
    the source itself gives for hyperparameters; what it leaves open is not in it.
    """

    name: str
    title: str
    source: str
    initial: Callable[[Spec, Any, Any, Any], dict[str, Any]]
    step: Callable[[Spec, Ops, Any, Any, Any, Any], Step]
    switches: Mapping[str, Switch]
    aliases: Mapping[str, Mapping[str, str]]
    clocks: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    needs: tuple[Needs, ...] = ()
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    special: Callable[[Spec], Iterable[Special]] = _none
    scale_free: bool = True
    theorems: tuple[str, ...] = ()
    formula: str = ""
    proposed: Mapping[str, float] = field(default_factory=dict)

    def hyperparameters(self, spec: Spec) -> frozenset[str]:
        """The common names of the hyperparameters that a dialect reads."""
        eps = ("eps",) if spec.eps != "none" else ()
        chosen = (words[getattr(spec, name)] for name, words in self.switches.items())
        return frozenset({"lr", *self.reads, *eps}.union(*(word.reads for word in chosen)))


def ema(beta: Any, old: Any, new: Any) -> Any:
    """One exponential moving average; every other writing of it is an evaluation order of this."""
    return weighted(beta, 1 - beta, old, new)


def weighted(beta: Any, weight: Any, old: Any, new: Any) -> Any:
    """What an operation "ema" of a program means; ``weight`` is 1-β, a value of its own."""
    return beta * old + weight * new


def multiplied(power: Any, beta: Any) -> Any:
    """What an operation "decay" of a program means."""
    return power * beta


def power_before(spec: Spec, beta: Any, one: Any) -> Any:
    """β^t of the step before the first one, which the spec calls t."""
    before = {"0": lambda: one / beta, "1": lambda: one, "2": lambda: one * beta}
    return before[spec.first_t]()


def descended(spec: Spec, h: Any, g: Any, theta: Any) -> Any:
    """The gradient that the rule follows: turned for maximising, with λθ under L2 decay."""
    if spec.maximize == "yes":
        g = -g
    if spec.decay == "l2":
        g = g + h.weight_decay * theta
    return g


def moved(spec: Spec, h: Any, theta: Any, *updates: Any) -> Any:
    """θ less the updates, one after another, with the decoupled decay of the dialect."""
    if spec.decay == "decoupled":
        theta = theta * (1 - h.lr * h.weight_decay)
    elif spec.decay == "decoupled-unscaled":
        theta = theta * (1 - h.weight_decay)
    for update in updates:
        theta = theta - update
    if spec.decay == "decoupled-after":
        theta = theta * (1 - h.lr * h.weight_decay)
    return theta


def divisor(spec: Spec, ops: Ops, h: Any, second: Any, correction: Any = None) -> Any:
    """The denominator over a second moment; ``correction`` is the 1-β2^t that corrected it."""
    if spec.eps == "none":
        return ops.sqrt(second)
    if spec.eps == "inside":
        return ops.sqrt(second + h.eps)
    if spec.eps == "both":
        return ops.sqrt(second + h.eps_root) + h.eps
    if spec.eps == "max":
        return ops.maximum(ops.sqrt(second), h.eps)
    if spec.eps == "hat" and correction is not None:
        return ops.sqrt(second) + h.eps / ops.sqrt(correction)
    return ops.sqrt(second) + h.eps


def accumulated(spec: Spec, ops: Ops, h: Any, s: Any) -> Any:
    """The accumulator before the step: at the first one, where ``s.t`` is 0, its initial value."""
    if spec.accumulator == "zero":
        return s.v
    return ops.choose(
        1 - 2 * s.t,
        lambda: h.initial_accumulator if spec.accumulator == "initial" else 1,
        lambda: s.v,
    )
