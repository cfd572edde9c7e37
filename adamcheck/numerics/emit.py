"""Source text of a program's operations, shared by every number type that runs it.

Value i of the program is written h{i} (and l{i} in double-double), its magnitude a{i}, the bound of
any admissible evaluation's error e{i}. The error bounds are those of error_bounds.py, by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Final

from adamcheck import storage
from adamcheck.numerics.shape import Shape
from adamcheck.program import COMPOSED, Op, written

FORMAT_CONSTANTS: Final = (
    *("u", "us", "gamma2", "gamma4", "gamma3s", "gamma6s"),
    *("eta", "flush", "largest"),
)
"""What the texts read of the format besides far and most, which change from step to step."""
_NEAR: Final = 2.0**48
"""What lacks a part of a bound e leaves it below a half of a number a that is not below 2^16·e: the
part is at most 2^12 (theorem envelope-growth), and CERTAIN is 2^64."""
_FORMS = {
    "neg": "-{0}",
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "sqrt": "root_of({0})",
    "max": "larger_of({0}, {1})",
    "choose": "choice_of({0}, {1}, {2})",
}
_PAIR = {
    "add": "dd_add",
    "mul": "dd_mul",
    "div": "dd_div",
    "sqrt": "dd_sqrt",
    "max": "dd_max",
    "choose": "dd_choice",
}


def _again(bound: str, i: int, gamma: str, eta: str) -> str:
    """The bound of value i when it is rounded once more: the sum of it and nothing."""
    return f"total_or_zero(a{i}, a{i}, {bound}, 0.0, 0.0, {gamma}, {eta})"


def _kept(bound: str, i: int, place: str) -> str:
    """The bound of value i when it is kept at a place."""
    return f"within({_again(bound, i, f'once_{place}', f'eta_{place}')}, a{i}, top_{place})"


@dataclass(frozen=True)
class _Units:
    """Names of the roundoff of an operation, and of two and four of its roundings."""

    u: str = "u"
    gamma2: str = "gamma2"
    gamma4: str = "gamma4"


@dataclass(frozen=True)
class Emitter(Shape):
    """Writes one operation of ``program`` a line; ``paired`` for double-double values."""

    paired: bool

    def value(self, i: int) -> str:
        """The line that computes value i; the steps of a composed one are named after it.

        A quotient by a scalar multiplies by its reciprocal r: one division a step, not an element;
        scaled_down error bounds for both roundings.
        """
        if i in self.scaled and not self.paired:
            x, y = self.program.ops[i].args
            return f"h{i} = h{x} * r{y}"
        return "; ".join(self._step(name, op, args) for name, op, args in self.steps(i))

    def steps(self, i: int) -> list[tuple[str, Op, list[str]]]:
        """The operations behind value i, in order: each one's name and its operands' names."""
        op = self.program.ops[i]
        args = [str(k) for k in op.args]
        if op.kind not in COMPOSED:
            return [(str(i), op, args)]
        inner = written(op.kind)
        names = args + [f"{i}_{k}" for k in range(len(args), len(inner) - 1)] + [str(i)]
        steps = zip(names[len(args) :], inner[len(args) :], strict=True)
        return [(name, step, [names[k] for k in step.args]) for name, step in steps]

    def _step(self, i: str, op: Op, args: list[str]) -> str:
        if op.kind == "const":
            assert op.value is not None
            if float(op.value) != op.value:
                raise ValueError(f"constant {op.value} of {self.program.spec} is not a double")
            low = f"; l{i} = 0.0" if self.paired else ""
            return f"h{i} = {float(op.value)!r}{low}"
        if not self.paired:
            return f"h{i} = " + _FORMS[op.kind].format(*(f"h{k}" for k in args))
        if op.kind == "neg":
            return f"h{i} = -h{args[0]}; l{i} = -l{args[0]}"
        if op.kind == "sub":
            x, y = args
            return f"h{i}, l{i} = dd_add(h{x}, l{x}, -h{y}, -l{y})"
        return f"h{i}, l{i} = {_PAIR[op.kind]}({', '.join(f'h{k}, l{k}' for k in args)})"

    def scalar_bound(self, i: int) -> str:
        """Bound of uniform value i in arithmetic of unit roundoff us.

        Three units a product cover a power by repeated products and by pow; six a difference 1 - p
        cover -expm1(t·log1p(-w)) with both functions good to one ulp and w = 1 - β rounded:
        t·β^(t-1)·w <= 1 - β^t and β^t·|ln β^t| <= 1 - β^t keep each part within 1 - p.
        """
        op = self.program.ops[i]
        e = [f"e{k}" for k in op.args]
        a = [f"a{k}" for k in op.args]
        match op.kind:
            case "const":
                return "0.0"
            case "neg":
                return e[0]
            case "choose":
                return self._chosen(op.args[0], e[1], e[2])
            case "add" | "sub":
                if self.program.is_count(i):  # whole numbers are exact
                    return "0.0"
                gamma = "gamma6s" if self.program.is_correction(i) else "us"
                return f"total(a{i}, {e[0]}, {e[1]}, {gamma}, 0.0)"
            case "mul" | "decay":
                return f"product({a[0]}, {e[0]}, {a[1]}, {e[1]}, gamma3s, 0.0)"
            case "div":
                return f"quotient(a{i}, {e[0]}, {a[1]}, {e[1]}, gamma3s, 0.0)"
            case "sqrt":
                return f"radical(a{i}, {e[0]}, gamma3s)"
            case "ema":
                raise ValueError(f"{self.program.spec}: no bound of a uniform average is known")
        return f"larger({e[0]}, {e[1]})"

    def bound(self, i: int) -> str:
        """Error bound of elementwise value i, with the roundings of what is kept of it."""
        text = self._operation(i)
        if self._plain:
            return text
        early = "eta" if i in self.program.before_moments else "far"
        for scalar, x in self._products_apart(i):
            # a cast and a product, of factors that may be as large as this
            factors = f"a{scalar} + e{scalar}, 0.0, a{x} + e{x}, 0.0"
            lost = f"{early} * (1.0 + a{x} + e{x})"
            text = f"{text} + product_or_zero({factors}, twice_{self._place_of(x)}, {lost})"
        for place in self._moved_into(i):
            # what they lose below the normal range is in the bound as it is: (α·m)/D
            text = _again(text, i, f"twice_{place}", "0.0")
        if i == self.program.output["theta"] and self.program.spec.kahan == "yes":
            text = self.compensated(text)
        for place in self._kept_at(i):
            if place == "o" or self.program.ops[i].kind != "max":  # whose operands are, at most
                text = _kept(text, i, place)
        return text

    def compensated(self, bound: str) -> str:
        """The bound of θ where c - Δ is rounded before it is added (theorem kept-sums)."""
        update = self.program.output["update"]
        size = f"a{update}, a{update}"  # 1.01 > 1+u
        return f"total_or_zero({size}, {bound}, 0.0, 0.0, u, flush + 0.01 * u * a{update})"

    @cached_property
    def _plain(self) -> bool:
        return storage.plain(self.program.spec)

    @cached_property
    def _places(self) -> dict[int, str]:
        """The place of each elementwise operation: of the operands that it is made of."""
        program, found = self.program, dict[int, str]()
        for i, op in enumerate(program.ops):
            if i in program.uniform:
                continue
            letters = set("".join(self._kept_as.get(a, found[a]) for a in op.args if a in found))
            if op.kind == "input":
                letters = {"t"} if op.name[:2] != "s." else {self._place(op.name)}
            found[i] = "".join(sorted(letters))
        return found

    @cached_property
    def _kept_as(self) -> dict[int, str]:
        """The places of states: what reads one may read it as it is kept."""
        states = [f"s.{name}" for name in self.program.moments]
        return {self.program.output[name]: self._place(name) for name in states}

    def _place_of(self, x: int) -> str:
        """The place of value x where it is an operand: with the fewest digits that it may have."""
        return self._kept_as.get(x, self._places.get(x, ""))

    def _place(self, state: str) -> str:
        return storage.place_of(self.program.spec, state[2:])

    def _alone(self, place: str) -> bool:
        """Whether operations of a place may round to a narrower format than all together do."""
        claimed = not self._plain and self.program.spec.arithmetic == "any"
        return claimed and place in storage.PLACES

    def _units(self, i: int) -> _Units:
        """The roundoffs of operation i: those of its own place, where that may be narrower."""
        return self._units_of(self._places[i])

    def _units_of(self, place: str) -> _Units:
        if not self._alone(place):
            return _Units()
        return _Units(f"u_{place}", f"gamma2_{place}", f"gamma4_{place}")

    def _products_apart(self, i: int) -> list[tuple[int, int]]:
        """The product of an average's new value, where it may round in a format of its own."""
        op = self.program.ops[i]
        if op.kind != "ema":
            return []
        _, scalar, _, x = op.args
        return [(scalar, x)] if self._apart(i, x) else []

    def _moved_into(self, i: int) -> list[str]:
        """Places of a quotient's operands that a scalar may be moved into: (α·m)/D and m/(D/α).

        Then the product rounds in the operand's format, and not in the format of both; so does 1/D.
        """
        op = self.program.ops[i]
        if op.kind != "div" or op.args[1] in self.program.uniform:
            return []
        return list(dict.fromkeys(self._place_of(x) for x in op.args if self._apart(i, x)))

    def _apart(self, i: int, x: int) -> bool:
        """Whether a product of operand x may round to another format than operation i does."""
        return self._alone(self._place_of(x)) and self._place_of(x) != self._places[i]

    def _kept_at(self, i: int) -> list[str]:
        """Places where value i is kept: as a state, as the parameter, as what is added to it."""
        program, found = self.program, list[str]()
        for name, k in program.outputs:
            if k == i and name[:2] == "s." and name[2:] in program.moments:
                found.append(self._place(name))
        ends = ("theta", "update") if program.spec.arithmetic == "any" else ("theta",)
        if i in [program.output[name] for name in ends]:
            found.append("o")
        return list(dict.fromkeys(found))

    def _as_kept(self, i: int, k: int, bound: str) -> str:
        """Bound of operand k of a maximum i that is kept, with the rounding of what is new in it.

        Rounding to nearest is monotone: what is kept already is rounded no more (theorem
        stored-rounding).
        """
        op, text = self.program.ops[k], bound
        for place in [] if self._plain else self._kept_at(i):
            old = op.kind == "input" and op.name[:2] == "s." and self._place(op.name) == place
            if old:
                text = f"within({text}, a{k}, top_{place})"
            elif place != "o" and place not in self._kept_at(k):
                text = _kept(text, k, place)
        return text

    def _operation(self, i: int) -> str:
        """Error bound of elementwise value i by its operation, infinite beyond the format."""
        program, op = self.program, self.program.ops[i]
        # factors may be moved across everything that comes after the moments: an underflow there
        # is stretched by at most reassociation, and the largest number is reached so much earlier
        early = i in program.before_moments
        eta, most = ("eta", "largest") if early else ("far", "most")
        unit = self._units(i)
        if op.kind == "neg":
            return f"e{op.args[0]}"
        if op.kind in ("max", "choose"):
            parts = op.args[-2:]
            cast = [f" + {unit.u} * a{k} + {eta}" if k in program.uniform else "" for k in parts]
            either = [f"{self._as_given(k)}{c}" for k, c in zip(parts, cast, strict=True)]
            if op.kind == "choose":
                return self._chosen(op.args[0], *either)
            either = [self._as_kept(i, k, x) for k, x in zip(parts, either, strict=True)]
            return f"larger({', '.join(either)})"
        if op.kind == "sqrt":
            (x,) = op.args
            bound = f"radical(a{i}, e{x}, {unit.gamma2})"
            return bound if x in self.nonnegative else f"rooted(a{x}, e{x}, {bound})"
        return f"within({self._error_bound(i, eta)}, {self._reach(i)}, {most})"

    def _as_given(self, k: int) -> str:
        """Bound of operand k of what does not compute: a gradient may be flushed on the way."""
        return f"underflowed(a{k}, e{k}, flush)" if self._unsigned(k).name == "g" else f"e{k}"

    def _unsigned(self, k: int) -> Op:
        """What value k is but for its sign."""
        op = self.program.ops[k]
        return self.program.ops[op.args[0]] if op.kind == "neg" else op

    def products(self, i: int) -> list[tuple[str, list[str]]]:
        """Products and quotients behind value i, with the factors that make them small."""
        return [
            (name, args if op.kind == "mul" else args[:1])
            for name, op, args in self.steps(i)
            if op.kind in ("mul", "div")
        ]

    def out_of_range(self, i: int, magnitude: str = "abs") -> list[str]:
        """Lines that raise ``low`` where product or quotient i is too small for double-double."""
        lines = []
        for name, factors in self.products(i):
            nonzero = "".join(f" & (a{k} > 0.0)" for k in factors)
            size = f"a{i}" if name == str(i) else f"{magnitude}(h{name})"
            lines.append(f"low = low | (({size} < SMALLEST){nonzero})")
        return lines

    def faint(self, i: int) -> str:
        """1 where the bound of output i may have lost to its own underflow what decides, else 0.

        Beside a value in the level's range such a loss is nothing. What is left are bounds of
        moments and of outputs, and numerators that a small divisor blows up. 2 where the bound may
        have leapt: then nothing is so far away that it is outside.
        """
        text = f"faint({self._lost(i)}, e{i})"
        return reduce("larger({}, {})".format, self._leaps(i), text)

    def _lost(self, i: int) -> str:
        """1 where what the bound of value i is made of may have lost so, else 0.

        A bound grows at most in proportion to each that it is made of (a root's, with the root at
        most), so a loss stays as many times what it is lost from, and a sum with a bound that is
        much larger swallows it: v̂ beside ε under the root's bound, an update beside θ.
        """
        op, found = self.program.ops[i], list[str]()
        for k in dict.fromkeys(op.args[2:] if op.kind == "ema" else op.args):
            if k not in self.bounded([k]):
                continue
            text = self._lacking(k)
            if op.kind in ("add", "sub") and text != "0.0":
                text = f"unswallowed({text}, e{i}, e{k})"
            if text not in ("0.0", *found):
                found.append(text)
        return reduce("larger({}, {})".format, found) if found else "0.0"

    def _lacking(self, k: int) -> str:
        """1 where the bound of operand k, or one that it is made of, may have lost so."""
        return reduce("faint({}, {})".format, self._compared(k), self._lost(k))

    def _leaps(self, i: int) -> list[str]:
        """2 where a faint bound behind value i is near the size at which a bound becomes infinite.

        A quotient's does where its divisor is known to less than a half, a root's where its
        radicand may come out negative: there no loss is in proportion.
        """
        found = list[str]()
        for k in sorted(self.bounded([i])):
            op = self.program.ops[k]
            if op.kind not in ("div", "sqrt"):
                continue
            x = op.args[-1]
            if x not in self.bounded([x]) or (op.kind == "sqrt" and x in self.nonnegative):
                continue
            text = self._lacking(x)
            if text != "0.0":
                found.append(f"2.0 * unswallowed({text}, {_NEAR!r} * a{x}, e{x})")
        return list(dict.fromkeys(found))

    def _compared(self, i: int) -> list[str]:
        """Bounds at operation i whose own underflow counts.

        A bound holds u times its value but where that is an input, which may be exact.
        """
        program, op, bounds = self.program, self.program.ops[i], list[str]()
        if i in self.targets and i != program.output["theta"]:
            bounds.append(f"e{i}")
        if op.kind == "div" and op.args[1] not in program.uniform:
            x = op.args[0]
            given = f" + u * a{x}" if self._unsigned(x).kind == "input" else ""
            bounds.append(f"underflowed(a{x}, e{x}, far){given}")
        return bounds

    def _chosen(self, condition: int, x: str, y: str) -> str:
        """Bound of a choice: none where an admissible evaluation may choose the other value."""
        return f"chosen(above_zero(h{condition}), a{condition}, e{condition}, {x}, {y})"

    def _reach(self, i: int) -> str:
        """Magnitude of the largest intermediate result: some forms take new - old, or s·θ."""
        if i in self.shrinks:
            theta, _, s = self.shrinks[i]
            return f"a{i} + a{s} * a{theta}"
        op = self.program.ops[i]
        if i in self.unrooted:  # 1/D may overflow, for D below the normal range, and D/α above it
            d = op.args[1]
            return f"larger(larger(a{i}, a{d} + e{d}), inverse(a{d}, e{d}))"
        if op.kind == "div" and self.program.ops[op.args[1]].kind in ("sqrt", "max", "choose"):
            d = op.args[1]
            return f"larger(a{i}, a{d} + e{d})"
        if op.kind != "ema" or self._is_square(op.args[3]):
            return f"a{i}"
        old, new = op.args[2:]
        return f"a{old} + e{old} + a{new} + e{new}"

    def _error_bound(self, i: int, eta: str) -> str:
        program, op = self.program, self.program.ops[i]
        zero, unit = "_or_zero" if i in self.exact else "", self._units(i)
        if op.kind == "ema":
            if self._is_square(op.args[3]):  # (w·g)·g: the inner underflow is multiplied by |g|
                eta = f"{eta} * (1.0 + a{program.ops[op.args[3]].args[0]})"
            pairs = ", ".join(f"a{k}, e{k}" for k in op.args)
            old = self._place_of(op.args[2])  # the product of the old value has its factors' format
            gamma2 = self._units_of(old).gamma2 if self._alone(old) else unit.gamma2
            return f"average{zero}({pairs}, a{i}, {unit.u}, {gamma2}, {unit.gamma4}, {eta})"
        x, y = op.args
        mixed = [k for k in (x, y) if k in program.uniform]
        if op.kind in ("add", "sub"):
            if mixed:  # a scalar is cast to the format, and so is a factor moved into it
                lost = f"{eta} * (2.0 + a{i})" + "".join(f" + {unit.u} * a{k}" for k in mixed)
            else:  # θ - α(q + λθ) rounds q once more than θ(1 - αλ) - αq
                lost = f"2.0 * {eta}" + (f" + {unit.u} * a{y}" if x in self.shrinks else "")
            if program.ops[x].kind == "sub" and x not in mixed:  # (a-b)-c, (a-c)-b or a-(b+c)
                both = (*program.ops[x].args, y)
                lost += "".join(f" + 1.01 * {unit.u} * (a{k} + e{k})" for k in both)  # 1.01 > 1+u
            if zero and not mixed:
                return f"total_or_zero(a{i}, a{x}, e{x}, a{y}, e{y}, {unit.u}, {lost})"
            return f"total(a{i}, e{x}, e{y}, {unit.u}, {lost})"
        if i in self.shrinks:
            return self._shrunk(i, eta)
        if op.kind == "mul":
            lost = f"{eta} * (1.0 + a{x} + a{y})" if mixed else eta  # either may be flushed
            gamma = unit.gamma2 if mixed else unit.u
            return f"product{zero}(a{x}, e{x}, a{y}, e{y}, {gamma}, {lost})"
        lost = f"{eta} * (1.0 + a{i})" if mixed else eta
        if y in program.uniform:  # its cast may underflow; cast, reciprocal and product: three
            return f"scaled_down{zero}(a{i}, e{x}, e{y} + eta, n{y}, {unit.gamma4}, {lost})"
        bottom = f"e{y}"
        if i in self.unrooted:  # s·D and 1/D may underflow
            bottom, lost = f"e{y} + {eta}", f"{eta} * (1.0 + a{x})"
        # (α·m)/D: what the product loses is divided by D
        top = f"underflowed(a{x}, e{x}, {eta})"
        return f"quotient{zero}(a{i}, {top}, a{y}, {bottom}, {unit.gamma2}, {lost})"

    def _shrunk(self, i: int, eta: str) -> str:
        """θ(1-s), also as θ - s·θ and inside θ - α(q + λθ): up to five roundings of s·θ."""
        theta, keep, s = self.shrinks[i]
        zero, unit = "_or_zero" if i in self.exact else "", self._units(i)
        # 2·|θ| may be beyond float64, 2·eta·|θ| is not
        lost = f"2.0 * {eta} * (1.0 + a{theta}) * (1.0 + a{s})"
        error_bound = f"product{zero}(a{theta}, e{theta}, a{keep}, e{keep}, {unit.gamma2}, {lost})"
        return f"{error_bound} + 2.0 * {unit.gamma4} * a{s} * a{theta}"

    def inverse(self, i: int) -> tuple[str, str]:
        """Arguments (a, e) of 1/(a - e) for a scalar divisor, whose cast may underflow."""
        return f"a{i}", f"e{i} + eta"
