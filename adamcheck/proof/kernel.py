"""The kernel: natural deduction over an ordered field, each step decidable and recorded.

A claim is ``term ⋈ 0``. The one step that computes is ``prove``: the term equals a sum of products
of squares and of facts with known sign, plus multiples of known equalities, as rational functions;
everything divided by must be made of facts that say it is not zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from adamcheck.numerics.symbolic import Number, Term, term
from adamcheck.proof.claims import (
    Claim,
    Divisor,
    Fact,
    Inverse,
    Piece,
    Product,
    Solve,
    Square,
    Step,
    Times,
    eq,
    ge,
)
from adamcheck.proof.normal import (
    ProofError,
    canonical,
    constant_ratio,
    divide_out,
    evaluate,
    is_zero,
    ratio,
    text,
)

FROM_FACTS = ("fact", "inverse", "nonzero")
HOLDS = {
    ">=": lambda x: x >= 0,
    ">": lambda x: x > 0,
    "=": lambda x: x == 0,
    "!=": lambda x: x != 0,
}


class Proof:
    """A list of checked steps; every method that returns a Fact is a rule of inference."""

    def __init__(self, title: str = "") -> None:
        self.title = title
        self.steps: list[Step] = []
        self.facts: list[Fact] = []
        self.conclusions: list[tuple[Fact, str]] = []
        self.state: dict[Any, tuple[Term, Term]] = {}
        self.inputs: frozenset[Any] = frozenset()
        self._defined: list[Any] = []
        self._hypotheses: set[int] = set()
        self._closed: set[int] = set()
        self._known: dict[Any, list[tuple[int, Fact]]] = {}

    # --- suppositions ---

    def assume(self, claim: Claim, note: str = "") -> Fact:
        """A hypothesis of the theorem; the ledger shows it."""
        fact = self._suppose("assume", claim, note)
        self._hypotheses.add(fact.index)
        return fact

    def transition(self, claim: Claim, note: str = "") -> Fact:
        """What every step satisfies by its definition, such as M ≥ a for a maximum M.

        It may speak of states and inputs; the ledger shows it like a hypothesis.
        """
        fact = self._suppose("transition", claim, note)
        self._hypotheses.add(fact.index)
        return fact

    def suppose(self, claim: Claim, note: str = "") -> Fact:
        """A supposition that a later step has to discharge."""
        return self._suppose("suppose", claim, note)

    def _suppose(self, rule: str, claim: Claim, note: str) -> Fact:
        side, premises, given = self._discharge(claim.term.divisors, _denominators(claim.term))
        given |= {len(self.facts)}
        return self._record(rule, claim, premises, given, note=note, side=side)

    # --- the step that computes ---

    def prove(
        self,
        claim: Claim,
        products: Sequence[Product] = (),
        *,
        using: Iterable[Times | Solve | Fact] = (),
        note: str = "",
    ) -> Fact:
        """``claim`` from a sum of products of nonnegative factors plus multiples of equalities."""
        total, strict = term(0), False
        summands: list[tuple[Piece, ...]] = []
        for product in products:
            given = product if isinstance(product, (list, tuple)) else [product]
            factors = [part for factor in given for part in self._apart(factor)]
            needed = claim.relation in (">", "!=")
            pieces = tuple(piece for factor in factors for piece in self._factor(factor, needed))
            value = term(1)
            for piece in pieces:
                value = value * piece.value
            total = total + value
            strict = strict or all(piece.positive for piece in pieces)
            summands.append(pieces)
        premises = {int(p.what) for pieces in summands for p in pieces if p.how in FROM_FACTS}
        found = self._cofactors(claim.term - total, list(using))
        # a fact that says 0 = 0 adds nothing, whatever its cofactor
        equalities = [(cofactor, fact) for cofactor, fact in found if not is_zero(fact.term.expr)]
        for cofactor, fact in equalities:
            self._own(fact)
            if fact.claim is None or fact.claim.relation != "=":
                raise ProofError(f"step {fact.index} is used as an equality and is none")
            total = total + cofactor * fact.term
            premises.add(fact.index)
        difference = claim.term - total
        if not is_zero(difference.expr):
            raise ProofError(
                f"{self.title}: the certificate of {claim} does not add up;"
                f" left over is {ratio(difference.expr)[0].as_expr()}"
            )
        enough = {">=": True, ">": strict, "!=": strict, "=": not summands}[claim.relation]
        if not enough:
            raise ProofError(f"{self.title}: the certificate of {claim} does not give the relation")
        side, used, used_given = self._discharge(difference.divisors, _denominators(difference))
        rests_on = used_given.union(*(self.facts[i].given for i in premises))
        detail = {
            "sum": [[[piece.how, piece.what] for piece in pieces] for pieces in summands],
            "equalities": [[text(cofactor.expr), fact.index] for cofactor, fact in equalities],
        }
        return self._record(
            "certificate",
            claim,
            premises | used,
            rests_on,
            detail=detail,
            note=note,
            side=side,
            summands=tuple(summands),
            cofactors=tuple(equalities),
        )

    def _apart(self, factor: Any) -> list[Any]:
        """A product of symbols and sums as its factors, unless a fact knows it as a whole."""
        expr = factor.expr if isinstance(factor, Term) else None
        if expr is None or not (expr.is_Mul or expr.is_Pow) or self._find(factor, (">", ">=")):
            return [factor]
        parts: list[Any] = []
        for part in expr.args if expr.is_Mul else [expr]:
            base, power = part.as_base_exp()
            if not power.is_Integer:
                return [factor]
            one = Term(base) if power > 0 else Inverse(Term(base))
            parts.extend([one] * abs(int(power)))
        return parts

    def _factor(self, factor: Any, strict: bool) -> list[Piece]:
        """A factor whose sign is known, with the positive number that may stand before it.

        That a square is not zero is looked for only where the claim is strict.
        """
        if isinstance(factor, Square):
            found = (self._find(x, ("!=", ">")) for x in (factor.term, -factor.term) if strict)
            fact = next((fact for fact in found if fact is not None), None)
            value = factor.term * factor.term
            if fact is None:
                return [Piece("square", text(factor.term.expr), value, False)]
            return self._scaled(value, "nonzero", fact, fact.term * fact.term)
        if isinstance(factor, Inverse):
            fact = self._find(factor.term, (">",))
            if fact is None:
                raise ProofError(f"{self.title}: nothing says that {factor.term} > 0")
            return self._scaled(1 / factor.term, "inverse", fact, 1 / fact.term)
        if isinstance(factor, Fact):
            self._own(factor)
            if factor.claim is None or factor.claim.relation not in (">=", ">"):
                raise ProofError(f"step {factor.index} is used as a sign and gives none")
            return self._scaled(factor.term, "fact", factor, factor.term)
        value = term(factor)
        if value.expr.is_Rational:
            if value.expr <= 0:
                raise ProofError(f"{self.title}: the coefficient {value} is not positive")
            return [Piece("number", text(value.expr), value, True)]
        fact = self._find(value, (">", ">="))
        if fact is None:
            raise ProofError(f"{self.title}: nothing says that {value} >= 0")
        return self._scaled(value, "fact", fact, fact.term)

    def _scaled(self, value: Term, how: str, fact: Fact, known: Term) -> list[Piece]:
        assert fact.claim is not None
        piece = Piece(how, fact.index, known, how != "fact" or fact.claim.relation == ">")
        scale = constant_ratio(value.expr, known.expr) if value is not known else None
        if value is known or scale == 1:
            return [piece]
        if scale is None or scale <= 0:
            raise ProofError(f"{self.title}: {value} is no positive multiple of step {fact.index}")
        return [Piece("number", text(scale), Term(scale), True), piece]

    def _find(self, value: Term, relations: tuple[str, ...]) -> Fact | None:
        """The fact about a positive multiple of ``value`` that supposes least."""
        if value.expr.is_Rational:
            return None
        sign, key = canonical(value.expr)
        found = [
            fact
            for other, fact in self._known.get(key, ())
            if fact.claim is not None
            and fact.claim.relation in relations
            and not fact.given & self._closed
            and (other == sign or fact.claim.relation == "!=")
        ]

        def rank(fact: Fact) -> tuple[int, int]:
            assert fact.claim is not None
            return len(fact.given - self._hypotheses), relations.index(fact.claim.relation)

        return min(found, key=rank, default=None)

    def _cofactors(
        self, residual: Term, using: list[Times | Solve | Fact]
    ) -> list[tuple[Term, Fact]]:
        from adamcheck.proof.tactics import eliminate

        plain = [(u.cofactor, u.fact) for u in using if isinstance(u, Times)]
        for cofactor, fact in plain:
            residual = residual - cofactor * fact.term
        rest = [u for u in using if not isinstance(u, Times)]
        return plain + eliminate(residual, rest, self._defined)

    def _discharge(
        self, divisors: Iterable[Any], polynomials: Iterable[Any] = ()
    ) -> tuple[tuple[Divisor, ...], set[int], frozenset[int]]:
        """Make every divisor out of facts that say it is not zero; return side, premises, given."""
        nonzero = [
            fact
            for fact in self.facts
            if fact.claim and fact.claim.relation in (">", "!=") and not fact.given & self._closed
        ]
        # composite facts first, so that a product known as a whole is not taken apart
        nonzero.sort(
            key=lambda f: (len(f.given - self._hypotheses), -_degree(f.term.expr), f.index)
        )
        factors = [fact.term.expr for fact in nonzero]
        side: list[Divisor] = []
        premises, given = set[int](), frozenset[int]()
        for divisor in sorted({*divisors, *polynomials}, key=str):
            powers = divide_out(divisor, factors)
            if powers is None:
                raise ProofError(
                    f"{self.title}: nothing says that the divisor {divisor} is not zero"
                )
            chosen = [(f, k) for f, k in zip(nonzero, powers, strict=True) if k]
            side.append((text(divisor), tuple((f.index, k) for f, k in chosen)))
            premises |= {f.index for f, _ in chosen}
            given = given.union(*(f.given for f, _ in chosen))
        return tuple(side), premises, given

    # --- definitions: symbols that exist for every value of what they are made of ---

    def root(self, x: Fact, symbol: Term) -> tuple[Fact, Fact]:
        """Define ``symbol`` = √x for the x ≥ 0 of a fact; returns s ≥ 0 and s² = x."""
        self._own(x)
        if x.claim is None or x.claim.relation not in (">=", ">"):
            raise ProofError(f"step {x.index} does not say that its term has a root")
        self._define(symbol)
        data = {"symbol": str(symbol), "of": x.index}
        at_least = self._record("root", ge(symbol), {x.index}, x.given, detail=data)
        square = self._record("root", eq(symbol * symbol, x.term), {x.index}, x.given, detail=data)
        return at_least, square

    def _define(self, symbol: Term) -> None:
        name = symbol.expr
        taken = {*self.state, *self.inputs, *self._defined} | self._spoken_of()
        if not name.is_Symbol or name in taken:
            raise ProofError(f"{self.title}: {name} is not a fresh symbol")
        self._defined.append(name)

    def _spoken_of(self) -> set[Any]:
        """The symbols of every claim and of what the states start from and become."""
        forms = [form for pair in self.state.values() for form in pair]
        terms = [*forms, *(fact.term for fact in self.facts if fact.claim)]
        return set[Any]().union(*(x.symbols for x in terms))

    # --- logic ---

    def absurd(self, false: Fact, supposition: Fact) -> Fact:
        """The negation of a supposition from which a false statement about a number follows."""
        self._own(false)
        self._own(supposition)
        claim, supposed = false.claim, supposition.claim
        if claim is None or supposed is None or not claim.term.expr.is_Rational:
            raise ProofError(f"{self.title}: the contradiction is not about a number")
        if HOLDS[claim.relation](evaluate(claim.term.expr, {})):
            raise ProofError(f"{self.title}: {claim} is no contradiction")
        given = false.given - self._dropped(supposition)
        detail = {"false": false.index, "supposed": supposition.index}
        premises = {false.index, supposition.index}
        return self._record("absurd", supposed.negated(), premises, given, detail=detail)

    def _dropped(self, supposition: Fact) -> frozenset[int]:
        if self.steps[supposition.index].rule != "suppose":
            raise ProofError(f"{self.title}: step {supposition.index} is no open supposition")
        # what rests on it can still be named, but is no longer found by itself
        self._closed.add(supposition.index)
        return frozenset({supposition.index})

    # --- induction on t ---

    def recursion(
        self, state: Mapping[Term, tuple[Number, Number]], inputs: Iterable[Term] = ()
    ) -> None:
        """Declare what every state symbol starts from and becomes; an input is new at each step."""
        inputs = tuple(inputs)
        late = {symbol.expr for symbol in (*state, *inputs)}
        late = (late - {*self.state, *self.inputs}) & self._spoken_of()
        if late and any(step.rule == "induction" for step in self.steps):
            raise ProofError(f"{self.title}: an induction took {late.pop()} for a constant")
        for symbol, (base, after) in state.items():
            if symbol.expr in self.state or symbol.expr in self._defined:
                raise ProofError(f"{self.title}: {symbol} has a meaning already")
            self.state[symbol.expr] = (term(base), term(after))
        self.inputs |= {symbol.expr for symbol in inputs}

    def at_base(self, claim: Claim) -> Claim:
        """The claim at the recursion's start."""
        return claim.subs({symbol: base for symbol, (base, _) in self.state.items()})

    def at_next(self, claim: Claim) -> Claim:
        """The claim one step later."""
        return claim.subs({symbol: after for symbol, (_, after) in self.state.items()})

    def induct(
        self, claim: Claim, base: Fact, hypothesis: Fact, step: Fact, note: str = ""
    ) -> Fact:
        """``claim`` for every t, from its base and from its step under the hypothesis."""
        for fact in (base, hypothesis, step):
            self._own(fact)
        if claim.term.symbols & {*self.inputs, *self._defined}:
            raise ProofError(
                f"{self.title}: an induction's claim may not speak of an input or a root"
            )
        wanted = ((base, self.at_base(claim)), (hypothesis, claim), (step, self.at_next(claim)))
        for fact, expected in wanted:
            if fact.claim is None or not fact.claim.same(expected):
                raise ProofError(f"{self.title}: induction expects {expected}, not {fact.claim}")
        given = base.given | (step.given - self._dropped(hypothesis))
        timeless = [i for i in given if self.steps[i].rule != "transition"] + [*base.given]
        for index in timeless:
            if self.facts[index].term.symbols & {*self.state, *self._defined}:
                raise ProofError(f"{self.title}: step {index} supposes something of the state")
        # a supposition about an input is about one step's input; the induction takes every step
        for index in (i for i in given if self.steps[i].rule == "suppose"):
            if self.facts[index].term.symbols & self.inputs:
                raise ProofError(f"{self.title}: step {index} supposes something of an input")
        premises = {base.index, hypothesis.index, step.index}
        detail = {"base": base.index, "supposed": hypothesis.index, "step": step.index}
        return self._record("induction", claim, premises, given, detail=detail, note=note)

    # --- numbers ---

    def witness(
        self, point: Mapping[Term, Number], claims: Sequence[Claim], note: str = ""
    ) -> Fact:
        """There are numbers, these, at which all of the claims hold."""
        values = {symbol.expr: _rational(value) for symbol, value in point.items()}
        for claim in claims:
            self._evaluate(claim, values)
        return self._numbers(values, 0, [(claim, 0, 0) for claim in claims], note)

    def run(
        self,
        point: Mapping[Term, Number],
        steps: int,
        claims: Sequence[tuple[Claim, int, int]],
        note: str = "",
    ) -> Fact:
        """Run the recursion on numbers; each claim (with a first and a last step) holds there.

        Step 1 is the recursion's start; ``point`` gives the parameters (inputs: constants).
        """
        fixed = {symbol.expr: _rational(value) for symbol, value in point.items()}
        now = {name: evaluate(base.expr, fixed) for name, (base, _) in self.state.items()}
        for t in range(1, steps + 1):
            if t > 1:
                here = {**fixed, **now}
                now = {name: evaluate(after.expr, here) for name, (_, after) in self.state.items()}
            for claim, first, last in claims:
                if first <= t <= last:
                    self._evaluate(claim, {**fixed, **now}, f" at step {t}")
        if not all(1 <= first <= last <= steps for _, first, last in claims):
            raise ProofError(f"{self.title}: a claim lies outside the {steps} steps that are run")
        return self._numbers(fixed, steps, claims, note)

    def _numbers(
        self,
        point: Mapping[Any, Fraction],
        steps: int,
        claims: Sequence[tuple[Claim, int, int]],
        note: str,
    ) -> Fact:
        detail = {
            "point": {str(k): str(v) for k, v in point.items()},
            "steps": steps,
            "claims": [[first, last, *spelled(claim)] for claim, first, last in claims],
        }
        return self._record("run", None, set(), frozenset(), detail=detail, note=note)

    def _evaluate(self, claim: Claim, values: dict[Any, Fraction], where: str = "") -> None:
        for divisor in claim.term.divisors:
            if evaluate(divisor, values) == 0:
                raise ProofError(f"{self.title}: the divisor {divisor} is zero{where}")
        if not HOLDS[claim.relation](evaluate(claim.term.expr, values)):
            raise ProofError(f"{self.title}: {claim} does not hold{where}")

    # --- the end ---

    def conclude(self, fact: Fact, statement: str) -> None:
        """State a fact as part of the theorem; every supposition must be a stated hypothesis."""
        self._own(fact)
        open_ = fact.given - self._hypotheses
        if open_:
            claims = "; ".join(str(self.facts[i].claim) for i in sorted(open_))
            raise ProofError(f"{self.title}: still supposed, and not discharged: {claims}")
        self.conclusions.append((fact, statement))

    def _own(self, fact: Fact) -> None:
        if not (0 <= fact.index < len(self.facts)) or self.facts[fact.index] is not fact:
            raise ProofError(f"{self.title}: a fact that this proof did not establish is used")

    def _record(
        self,
        rule: str,
        claim: Claim | None,
        premises: Iterable[int],
        given: frozenset[int],
        *,
        detail: dict[str, Any] | None = None,
        **more: Any,
    ) -> Fact:
        index = len(self.facts)
        fact = Fact(index, claim, given)
        self.facts.append(fact)
        self.steps.append(
            Step(index, rule, claim, tuple(sorted(premises)), detail or {}, given=given, **more)
        )
        if claim is not None and not claim.term.expr.is_Rational:
            sign, key = canonical(claim.term.expr)
            self._known.setdefault(key, []).append((sign, fact))
        return fact


def spelled(claim: Claim) -> list[str]:
    """A claim as the certificate writes it: term, relation, and every divisor."""
    divisors = sorted(text(divisor) for divisor in claim.term.divisors)
    return [text(claim.term.expr), claim.relation, *divisors]


def _rational(value: Number) -> Fraction:
    exact = term(value).expr
    if not exact.is_Rational:
        raise ProofError(f"{value} is not a rational number")
    return Fraction(int(exact.p), int(exact.q))


def _denominators(value: Term) -> list[Any]:
    return [factor.as_expr() for factor in ratio(value.expr)[1]]


def _degree(expr: Any) -> int:
    numerator = ratio(expr)[0]
    return max((sum(powers) for powers in numerator.monoms()), default=0)
