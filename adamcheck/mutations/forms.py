"""The admissible ways of writing each part of a rule, found by the shape of its program."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

from adamcheck.mutations.language import Draft, live, pruned
from adamcheck.program import Op, Program

AVERAGES = ("plain", "fma-old", "fma-new", "lerp", "lerp-fma", "lerp-ends")
WEIGHTED = ("weighted", "weighted-fma-old", "weighted-fma-new")
"""(w·g)·g in place of w·(g·g)."""


@lru_cache(maxsize=256)
def forms(program: Program) -> dict[int, tuple[str, ...]]:
    """The forms of every value that has more than one; the first is as the rule writes it."""
    found = {i: _forms(program, i) for i in sorted(live(program))}
    return {i: options for i, options in found.items() if len(options) > 1}


def _forms(program: Program, i: int) -> tuple[str, ...]:
    op, uniform = program.ops[i], program.uniform
    if i in uniform:
        if _power(program, i):
            return ("running", "pow")
        return ("plain", "expm1") if _correction(program, i) else ()
    match op.kind:
        case "ema":
            return AVERAGES + (WEIGHTED if _square(program, op.args[3]) else ())
        case "div":
            return ("divide", "reciprocal")
        case "sqrt":
            under = program.ops[op.args[0]]
            corrected = under.kind == "div" and under.args[1] in uniform
            return ("whole", "split") if corrected else ()
        case "mul":
            return _product_forms(program, i)
        case "add" | "sub":
            return _sum_forms(program, i)
    return ()


def _sum_forms(program: Program, i: int) -> tuple[str, ...]:
    op = program.ops[i]
    found = ["plain"]
    if any(_product(program, a) for a in op.args):
        found.append("fma")
    if op.kind == "sub":
        found += ["swapped", "summed"] if program.ops[op.args[0]].kind == "sub" else []
        found += ["together"] if _together(program, i) else []
    return tuple(found)


def _product_forms(program: Program, i: int) -> tuple[str, ...]:
    op, uniform = program.ops[i], program.uniform
    if _shrinks(program, i):
        return ("keep", "minus", "minus-fma")
    quotient = program.ops[op.args[1]]
    divides = quotient.kind == "div" and quotient.args[1] not in uniform
    if op.args[0] not in uniform or not divides:
        return ()
    found = ["last", "first"]
    if _corrected(program, quotient.args[0]):
        found += ["carried-last", "carried-first"]
    if program.spec.algorithm in ("adam", "rmsprop") and _denominator(program, quotient.args[1]):
        found += ["reassociated-last", "reassociated-first"]
        if _corrected(program, quotient.args[0]):
            found += ["joined"]
            found += ["capturable"] if program.spec.eps in ("outside", "hat") else []
    return tuple(found)


# shapes -------------------------------------------------------------------------------------------


def _square(program: Program, i: int) -> bool:
    op = program.ops[i]
    return op.kind == "mul" and op.args[0] == op.args[1]


def _product(program: Program, i: int) -> bool:
    """A product on arrays that a sum may be contracted with."""
    return program.ops[i].kind == "mul" and i not in program.uniform


def _corrected(program: Program, i: int) -> tuple[int, int] | None:
    """(x, c) where value i is x over a number c."""
    op = program.ops[i]
    return op.args if op.kind == "div" and op.args[1] in program.uniform else None  # type: ignore[return-value]


def _denominator(program: Program, i: int) -> tuple[int, int, int] | None:
    """(v, c, ε) where value i is √(v/c) + ε or √(v/c + ε)."""
    op = program.ops[i]
    if op.kind == "add" and program.ops[op.args[0]].kind == "sqrt":
        parts = _corrected(program, program.ops[op.args[0]].args[0])
        return None if parts is None or op.args[1] not in program.uniform else (*parts, op.args[1])
    if op.kind == "sqrt" and program.ops[op.args[0]].kind == "add":
        under, eps = program.ops[op.args[0]].args
        parts = _corrected(program, under)
        return None if parts is None or eps not in program.uniform else (*parts, eps)
    return None


def _shrinks(program: Program, i: int) -> tuple[int, int] | None:
    """(θ, s) where value i is θ·(1-s), s made of a weight decay."""
    x, keep = program.ops[i].args
    less = program.ops[keep]
    if x in program.uniform or keep not in program.uniform or less.kind != "sub":
        return None
    one, s = less.args
    names = {program.ops[s].name, *(program.ops[a].name for a in program.ops[s].args)}
    return (x, s) if program.ops[one].value == 1 and "h.weight_decay" in names else None


def _together(program: Program, i: int) -> tuple[int, int, int, int] | None:
    """(θ, α, q, λ) where value i is θ·(1-α·λ) - α·q."""
    kept, moved = (program.ops[a] for a in program.ops[i].args)
    if kept.kind != "mul" or moved.kind != "mul":
        return None
    shrinks = _shrinks(program, program.ops[i].args[0])
    if shrinks is None or program.ops[shrinks[1]].kind != "mul":
        return None
    rate, decay = program.ops[shrinks[1]].args
    return (shrinks[0], rate, moved.args[1], decay) if moved.args[0] == rate else None


def _power(program: Program, i: int) -> int | None:
    """β where value i is β^t, counted from β^1, kept as a clock."""
    op = program.ops[i]
    if op.kind != "decay" or program.spec.first_t != "1":
        return None
    before, beta = op.args
    kept = program.output.get(program.ops[before].name) == i
    return beta if kept and program.ops[beta].name.startswith("h.") else None


def _correction(program: Program, i: int) -> int | None:
    """β where value i is 1-β^t."""
    op = program.ops[i]
    one = op.kind == "sub" and program.ops[op.args[0]].value == 1
    return _power(program, op.args[1]) if one else None


# writing ------------------------------------------------------------------------------------------


def rewritten(program: Program, chosen: dict[int, str]) -> Program:
    """The program with the chosen forms; it keeps the states and the parameter alone."""
    writer = _Writer(program, chosen)
    outputs = tuple(
        (name, writer.value(i))
        for name, i in program.outputs
        if name == "theta" or name.startswith("s.")
    )
    return pruned(replace(program, ops=tuple(writer.draft.ops), outputs=outputs))


@dataclass
class _Writer:
    program: Program
    chosen: dict[int, str]
    draft: Draft = field(default_factory=Draft)
    known: dict[int, int] = field(default_factory=dict)

    def value(self, i: int) -> int:
        """The draft's value of one of the program's, in its form."""
        if i not in self.known:
            self.known[i] = self._written(i)
        return self.known[i]

    def _written(self, i: int) -> int:
        program, op, emit = self.program, self.program.ops[i], self.draft.emit
        form = self.chosen.get(i)
        if form is None:
            return self.draft.add(replace(op, args=tuple(self.value(a) for a in op.args)))
        if i in program.uniform:
            return self._uniform(i, form)
        args = [self.value(a) for a in op.args] if op.kind in ("ema", "div") else []
        match op.kind:
            case "ema":
                return self._average(form, *args, square=program.ops[op.args[3]])
            case "div":
                return emit("mul", args[0], emit("div", self._one, args[1]))
            case "sqrt":
                v, c = (self.value(a) for a in program.ops[op.args[0]].args)
                return emit("div", emit("sqrt", v), emit("sqrt", c))
            case "mul":
                shrinks = _shrinks(program, i)
                return self._shrunk(form, *shrinks) if shrinks else self._update(i, form)
        return self._sum(op) if form == "fma" else self._apart(i, form)

    @property
    def _one(self) -> int:
        return self.draft.constant(1)

    def _uniform(self, i: int, form: str) -> int:
        t = self.draft.read("x.t")
        beta = _power(self.program, i) if form == "pow" else _correction(self.program, i)
        assert beta is not None
        if form == "pow":
            return self.draft.emit("pow", self.value(beta), t)
        weight = self.draft.emit("sub", self._one, self.value(beta))
        return self.draft.emit("expm1", t, weight)

    def _average(self, form: str, beta: int, w: int, old: int, new: int, *, square: Op) -> int:
        emit = self.draft.emit
        if form.startswith("lerp"):
            gap = emit("sub", new, old)
            if form == "lerp-fma":
                return emit("fma", w, gap, old)
            ahead = emit("add", old, emit("mul", w, gap))
            if form == "lerp":
                return ahead
            back = emit("sub", new, emit("mul", gap, emit("sub", self._one, w)))
            over = emit("sub", w, emit("div", self._one, self.draft.constant(2)))
            return emit("choose", over, back, ahead)
        factors = w, new
        if form.startswith("weighted"):
            g = self.value(square.args[0])
            factors = emit("mul", w, g), g
        if form.endswith("fma-new"):
            return emit("fma", *factors, emit("mul", beta, old))
        term = emit("mul", *factors)
        if form.endswith("fma-old"):
            return emit("fma", beta, old, term)
        return emit("add", emit("mul", beta, old), term)

    def _shrunk(self, form: str, x: int, s: int) -> int:
        theta, shrink = self.value(x), self.value(s)
        if form == "minus":
            return self.draft.emit("sub", theta, self.draft.emit("mul", shrink, theta))
        return self.draft.emit("fma", self.draft.emit("neg", shrink), theta, theta)

    def _sum(self, op: Op) -> int:
        """x ± a·b, contracted; the sign goes to a factor."""
        emit, program = self.draft.emit, self.program
        x, y = op.args
        if not _product(program, y) or (op.kind == "add" and _product(program, x) and x > y):
            x, y = y, x
        if op.kind == "sub" and y == op.args[0]:  # a·b - x
            return emit("fma", *self._factors(y), emit("neg", self.value(x)))
        a, b = self._factors(y)
        return emit("fma", emit("neg", a) if op.kind == "sub" else a, b, self.value(x))

    def _apart(self, i: int, form: str) -> int:
        """x - a - b with b first, or with a + b; or θ - α·(q + λ·θ)."""
        emit, program = self.draft.emit, self.program
        if form == "together":
            parts = _together(program, i)
            assert parts is not None
            theta, rate, q, decay = (self.value(k) for k in parts)
            whole = emit("add", q, emit("mul", decay, theta))
            return emit("sub", theta, emit("mul", rate, whole))
        before, second = program.ops[i].args
        x, a = (self.value(k) for k in program.ops[before].args)
        b = self.value(second)
        if form == "summed":
            return emit("sub", x, emit("add", a, b))
        return emit("sub", emit("sub", x, b), a)

    def _factors(self, i: int) -> tuple[int, int]:
        """The factors of a product as it is written; one and itself where it is none any more."""
        written = self.draft.ops[self.value(i)]
        return (
            (written.args[0], written.args[1])
            if written.kind == "mul"
            else (self._one, self.value(i))
        )

    def _update(self, i: int, form: str) -> int:
        """rate·(top/bottom) with scalars moved between its parts."""
        program, emit = self.program, self.draft.emit
        a, q = program.ops[i].args
        top, bottom = program.ops[q].args
        rate, parts = self.value(a), _corrected(program, top)
        if form in ("first", "last"):
            return self._quotient(form, rate, self.value(top), self.value(bottom), q)
        if parts is not None:
            x, c = (self.value(k) for k in parts)
        else:
            x, c = self.value(top), self._one
        if form.startswith("carried"):
            return self._quotient(form, emit("div", rate, c), x, self.value(bottom), q)
        below = _denominator(program, bottom)
        assert below is not None
        root = emit("sqrt", self.value(below[1]))
        if form == "capturable":
            size = emit("div", rate, c)
            scaled = emit("div", emit("sqrt", self.value(below[0])), emit("mul", root, size))
            found = emit("div", x, emit("add", scaled, emit("div", self.value(below[2]), size)))
            # α = 0 cannot be divided by, and 0/0 were no order of 0·q
            return emit("choose", rate, found, emit("mul", rate, self.value(q)))
        d = self._reassociated(bottom, root)
        if form == "joined":
            above = emit("mul", emit("mul", rate, x), root)
            return emit("div", above, emit("mul", d, c))
        size = emit("mul", rate, root)
        size = emit("div", size, c) if parts is not None else size
        return self._quotient(form, size, x, d, q)

    def _quotient(self, form: str, rate: int, x: int, d: int, q: int) -> int:
        emit = self.draft.emit
        if form.endswith("first"):
            return emit("div", emit("mul", rate, x), d)
        if self.chosen.get(q) == "reciprocal":
            return emit("mul", rate, emit("mul", x, emit("div", self._one, d)))
        return emit("mul", rate, emit("div", x, d))

    def _reassociated(self, bottom: int, root: int) -> int:
        """The denominator times √c: √v + ε·√c, or √(v + ε·c)."""
        program, emit = self.program, self.draft.emit
        parts = _denominator(program, bottom)
        assert parts is not None
        v, c, eps = parts
        if program.ops[bottom].kind == "sqrt":
            return emit(
                "sqrt", emit("add", self.value(v), emit("mul", self.value(eps), self.value(c)))
            )
        scaled = program.ops[eps]
        hat = scaled.kind == "div" and program.ops[scaled.args[1]].kind == "sqrt"
        e = self.value(scaled.args[0]) if hat else emit("mul", self.value(eps), root)
        return emit("add", emit("sqrt", self.value(v)), e)
