"""Replay proof certificates on the standard library alone: check_certificate.py FILE.json ..."""

import hashlib
import json
import re
import sys
from collections import Counter
from fractions import Fraction
from itertools import product
from math import prod
from pathlib import Path

HOLDS = {">=": Fraction.__ge__, ">": Fraction.__gt__, "=": Fraction.__eq__, "!=": Fraction.__ne__}
NOT = {">=": (-1, ">"), ">": (-1, ">="), "=": (1, "!="), "!=": (1, "=")}
SIGNS = {"fact": (">", ">="), "inverse": (">",), "nonzero": (">", "!=")}
NAME, INTEGER = re.compile(r"[A-Za-z]\w*"), re.compile(r"\(-\d+\)|\b\d+")
sys.set_int_max_str_digits(0)


def need(condition, why):
    if not condition:
        raise ValueError(why)


class Q:  # {monomial, a sorted tuple of symbols: coefficient} over a Counter of monic polynomials
    def __init__(self, num, den=()):
        num = num if isinstance(num, dict) else {(): Fraction(num)}
        self.num, self.den = {m: c for m, c in num.items() if c}, Counter(den)

    def monic(self):
        return frozenset((m, c / self.num[max(self.num)]) for m, c in self.num.items())

    def over(self, den):
        return prod((Q(dict(f)) for f in (den - self.den).elements()), start=Q(self.num)).num

    def __mul__(self, other):
        num: Counter = Counter()
        for (a, x), (b, y) in product(self.num.items(), other.num.items()):
            num[tuple(sorted(a + b))] += x * y
        return Q(num, self.den + other.den)

    def __add__(self, other):
        a, b = self.over(other.den), other.over(self.den)
        return Q({m: a.get(m, 0) + b.get(m, 0) for m in {**a, **b}}, self.den | other.den)

    def __truediv__(self, other):
        need(other.num, "division by zero")
        below = {} if set(other.num) == {()} else {other.monic(): 1}
        return self * Q(Q(1 / other.num[max(other.num)]).over(other.den), below)

    def value(self):
        need(set(self.num) <= {()} and not self.den, "not a number")
        return self.num.get((), Fraction(0))


def parse(text, values=None):
    need(re.fullmatch(r"[\w+*/() -]*", text), "not an arithmetic expression")
    scope = {n: (values or {}).get(n) or Q({(n,): Fraction(1)}) for n in NAME.findall(text)}
    return eval(INTEGER.sub(r"_Q(\g<0>)", text), {"__builtins__": {}, "_Q": Q}, scope)


def check(part):  # a step claims ``term relation 0``; its rule derives that from earlier steps
    steps, state, facts, roots = part["steps"], part["state"], list[tuple](), set()
    rules = [step["rule"] for step in steps]
    fixed = set(NAME.findall(json.dumps([state, part["inputs"]])))
    for here, (rule, step) in enumerate(zip(rules, steps, strict=True)):
        (text, relation, *divisors), given, made = step["claim"] or ["0", None], set[int](), set()
        term, seen, strict, names = parse(text), parse(text), False, set(NAME.findall(text))
        open_ = rules[step.get("supposed", here)] == "suppose"

        def use(i, *relations, given=given):
            need(facts[i][1] in (relations or HOLDS), f"step {i} has another relation")
            given |= facts[i][2]
            return facts[i][0]

        def equal(left, right):
            need(not (left + Q(-1) * right).num, "two terms differ")

        if rule in ("assume", "transition", "suppose"):
            given.add(here)
        elif rule == "certificate":
            for factors in step["sum"]:
                value, positive = Q(-1), True
                for how, what in factors:
                    x = use(what, *SIGNS[how]) if how in SIGNS else parse(what)
                    need(how != "number" or x.value() > 0, "a coefficient is not positive")
                    positive &= how != "square" and (how != "fact" or facts[what][1] == ">")
                    x = x * x if how in ("square", "nonzero") else x
                    value = value / x if how == "inverse" else value * x
                seen, strict = seen + value, strict or positive
            for cofactor, i in step["equalities"]:
                seen = seen + Q(-1) * parse(cofactor) * use(i, "=")
            allowed = {">=": True, ">": strict, "!=": strict, "=": not step["sum"]}
            need(not seen.num and allowed[relation], "the certificate does not give the claim")
        elif rule == "root":  # a new symbol s with s >= 0 and s*s = x, for a fact x >= 0
            s, x = parse(step["symbol"]), use(step["of"], ">", ">=")
            equal(term, s if relation == ">=" else s * s + Q(-1) * x)
            taken = fixed.union(*(f[3] for f in facts if f[4] != step["symbol"]))
            need(relation in (">=", "=") and step["symbol"] not in taken, "no new root")
            roots.add(step["symbol"])
        elif rule == "absurd":  # a false statement about a number denies the supposition
            need(not HOLDS[facts[step["false"]][1]](use(step["false"]).value(), 0), "it is true")
            supposed, (sign, negated) = facts[step["supposed"]], NOT[facts[step["supposed"]][1]]
            equal(term, Q(sign) * supposed[0])
            need(relation == negated and open_, "this is not the negation")
            given.discard(step["supposed"])
        elif rule == "induction":
            base, later = ({n: parse(t[k]) for n, t in state.items()} for k in (0, 1))
            equal(use(step["step"], relation), parse(text, later))
            equal(use(step["supposed"], relation), term)
            given.discard(step["supposed"])
            equal(use(step["base"], relation), parse(text, base))
            once = names.union(*(facts[i][3] for i in given if rules[i] == "suppose"))
            need(open_ and not once & {*part["inputs"], *roots}, "no hypothesis, or of an input")
            always = facts[step["base"]][2] | {i for i in given if rules[i] != "transition"}
            need(not any(facts[i][3] & {*state, *roots} for i in always), "a state is supposed")
        else:
            inside = all(0 <= c[0] <= c[1] <= step["steps"] for c in step["claims"])
            need(rule == "run" and inside, "an unknown rule, or a claim outside of the run")
            now = point = {n: Q(v) for n, v in step["point"].items()}
            for t in range(step["steps"] + 1):
                now = point | {n: parse(f[t > 1], now) for n, f in state.items() if t}
                for first, last, formula, sign, *below in step["claims"]:
                    if first <= t <= last:
                        need(HOLDS[sign](parse(formula, now).value(), 0), "it is false there")
                        need(all(parse(d, now).value() for d in below), "division by zero")
        for divisor, powers in step["side"]:
            factors = (Q(use(i, ">", "!=").num) for i, k in powers for _ in range(k))
            made.add(parse(divisor).monic())
            need(prod(factors, start=Q(1)).monic() in made, "a divisor may be zero")
        source = steps[step.get("of", step.get("supposed", here))]["claim"] or []
        same = rule in ("root", "absurd", "induction") and divisors in ([], source[2:])
        wanted = set(seen.den) | {parse(d).monic() for d in divisors}
        need(same or wanted <= made, "a divisor may be zero")
        facts.append((term, relation, given, names, step.get("symbol")))
    for i in part["conclusions"]:
        need({rules[j] for j in facts[i][2]} <= {"assume", "transition"}, "open")


def replay(data):
    content = json.dumps({k: v for k, v in data.items() if k != "digest"}, sort_keys=True)
    need(data["digest"] == hashlib.sha256(content.encode()).hexdigest(), "the digest differs")
    for part in data["parts"]:
        check(part)
    return f"{data['theorem']}: {sum(len(part['steps']) for part in data['parts'])} steps hold"


if __name__ == "__main__":
    for path in sys.argv[1:]:
        print(replay(json.loads(Path(path).read_text(encoding="utf-8"))))
