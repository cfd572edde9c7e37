"""What several theorems about the rule begin with: its setting, its moments, and m² ≤ K·v."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from adamcheck.numerics.symbolic import Number, SymbolicStep, Term, symbolic_step, symbols
from adamcheck.proof.claims import Fact, Product, Solve, Times, eq, ge, gt, inv, sq
from adamcheck.proof.kernel import Proof
from adamcheck.proof.lemmas import (
    by_induction,
    cases,
    nothing,
    power_facts,
    squeeze,
    unit,
    vanishes,
)
from adamcheck.spec import Spec


@dataclass(frozen=True)
class Setting:
    """One proof about a rule: its symbols, its step and the facts every such proof begins with.

    The state before the step is that of t-1 ≥ 0 steps, so what holds after the step holds for
    every t ≥ 1.
    """

    k: Proof
    run: SymbolicStep
    h: Any
    before: Any
    after: Any
    g: Term


def adam_setting(
    k: Proof,
    spec: Spec | None = None,
    *,
    hyper: Mapping[str, Number] | None = None,
    names: tuple[str, ...] = ("s",),
    beta1_may_be_zero: bool = True,
) -> Setting:
    """The rule with 0 ≤ β1 < 1, 0 < β2 < 1, its recursion from t = 0, and signs of the powers."""
    run = symbolic_step(spec or Spec(), hyper=hyper, names=names)
    h = SimpleNamespace(**run.hyper)
    if h.beta1.expr.is_Symbol:
        unit(k, h.beta1, zero=beta1_may_be_zero)
    if h.beta2.expr.is_Symbol:
        unit(k, h.beta2)
    before = SimpleNamespace(**run.before)
    k.recursion(
        {run.before[n]: (run.initial[n], run.after[n]) for n in run.before if n != "v_max"},
        inputs=[run.g],
    )
    power_facts(k, before.p1, h.beta1, positive=not beta1_may_be_zero)
    power_facts(k, before.p2, h.beta2, positive=True)
    return Setting(k, run, h, before, SimpleNamespace(**run.after), run.g)


def take_maxima(k: Proof, run: SymbolicStep) -> dict[str, tuple[Fact, Fact, Fact]]:
    """Let each maximum M of the step be an input with M ≥ a, M ≥ b and (M-a)(M-b) = 0."""
    facts = {}
    for symbol, (a, b) in run.ops.maxima.items():
        k.recursion({}, [symbol])
        facts[str(symbol)] = (
            k.transition(ge(symbol, a), f"{symbol} is a maximum"),
            k.transition(ge(symbol, b)),
            k.transition(eq((symbol - a) * (symbol - b))),
        )
    return facts


def second_moment(s: Setting) -> tuple[Fact, Fact]:
    """v ≥ 0 for every t, and for the v after the step."""
    k, b2 = s.k, s.h.beta2
    new: list[Product] = [[b2, s.before.v], [1 - b2, sq(s.g)]]
    every = by_induction(k, ge(s.before.v), nothing(k, s.before.v), new)
    return every, k.prove(ge(s.after.v), new)


@dataclass(frozen=True)
class Bounded:
    """m² ≤ K·v: the state K, its value after the step, the facts at t ≥ 0 and after the step."""

    now: Term
    after: Term
    every: Fact
    next: Fact
    positive: Fact


def moments_bound(s: Setting, share: Number = 1) -> Bounded:
    """m_t² ≤ K_t·v_t with K_(t+1) = (1-β1)²/(1-β2) + (β1²/β2)·K_t, K_0 = 0, by induction.

    ``share`` other than 1 makes K smaller than it is; the kernel then refuses.
    """
    k, b1, b2, g = s.k, s.h.beta1, s.h.beta2, s.g
    m, v = s.before.m, s.before.v
    v_now, _ = second_moment(s)
    (bound,) = symbols("K")
    after = share * (1 - b1) ** 2 / (1 - b2) + b1**2 / b2 * bound
    k.recursion({bound: (0, after)})
    grown: list[Product] = [[share, sq(1 - b1), inv(1 - b2)], [sq(b1), inv(b2), bound]]
    nonneg = by_induction(k, ge(bound), nothing(k, bound), grown)
    positive = k.prove(gt(after), grown)
    claim = ge(bound * v - m * m)
    goal = k.at_next(claim)

    def step(hypothesis: Fact) -> Fact:
        some = k.suppose(gt(bound))
        mixed = (1 - b1) * b2 * m - b1 * (1 - b2) * bound * g
        first = k.prove(
            goal,
            [[positive, b2, inv(bound), hypothesis], [sq(mixed), inv(bound), inv(1 - b2), inv(b2)]],
            note="the remainder is a square: the certificate of the step",
        )
        none = k.suppose(ge(-bound))
        zero = squeeze(k, nonneg, none)
        square = k.prove(ge(-(m * m)), [[hypothesis]], using=[Times(-v, zero)])
        m_zero = vanishes(k, m, squeeze(k, k.prove(ge(m * m), [[sq(m)]]), square))
        second = k.prove(
            goal,
            [[share, sq(1 - b1), inv(1 - b2), b2, v_now]],
            using=[Solve(zero, bound), Solve(m_zero, m)],
        )
        return cases(k, none, some, second, first)

    every = by_induction(k, claim, nothing(k, bound * v - m * m), step)
    return Bounded(bound, after, every, step(every), positive)
