"""Source text of a program's operations, shared by every number type that runs it.

Value i of the program is written h{i} (and l{i} in double-double), its magnitude a{i}, the bound of
any admissible evaluation's error e{i}. The charges are those of charges.py, by name.
"""

from __future__ import annotations

from dataclasses import dataclass

from adamcheck.program import Program

_FORMS = {
    "neg": "-{0}",
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "sqrt": "root_of({0})",
    "max": "larger_of({0}, {1})",
}
_PAIR = {"add": "dd_add", "mul": "dd_mul", "div": "dd_div", "sqrt": "dd_sqrt", "max": "dd_max"}


@dataclass(frozen=True)
class Emitter:
    """Writes one operation of ``program`` a line; ``paired`` for double-double values."""

    program: Program
    paired: bool

    def value(self, i: int) -> str:
        """The line that computes value i."""
        op = self.program.ops[i]
        if op.kind == "const":
            assert op.value is not None
            if float(op.value) != op.value:
                raise ValueError(f"constant {op.value} of {self.program.spec} is not a double")
            return f"h{i} = {float(op.value)!r}" + ("; l{i} = 0.0".format(i=i) if self.paired else "")
        if not self.paired:
            return f"h{i} = " + _FORMS[op.kind].format(*(f"h{k}" for k in op.args))
        if op.kind == "neg":
            return f"h{i} = -h{op.args[0]}; l{i} = -l{op.args[0]}"
        if op.kind == "sub":
            x, y = op.args
            return f"h{i}, l{i} = dd_add(h{x}, l{x}, -h{y}, -l{y})"
        return f"h{i}, l{i} = {_PAIR[op.kind]}({', '.join(f'h{k}, l{k}' for k in op.args)})"

    def scalar_bound(self, i: int) -> str:
        """Bound of uniform value i in arithmetic of unit roundoff us.

        Three units a product cover a power by repeated products, by pow and by expm1(t·log1p(-w)).
        """
        op = self.program.ops[i]
        e = [f"e{k}" for k in op.args]
        a = [f"a{k}" for k in op.args]
        match op.kind:
            case "const":
                return "0.0"
            case "neg":
                return e[0]
            case "add" | "sub":
                return f"total(a{i}, {e[0]}, {e[1]}, us, 0.0)"
            case "mul":
                return f"product({a[0]}, {e[0]}, {a[1]}, {e[1]}, gamma3s, 0.0)"
            case "div":
                return f"quotient(a{i}, {e[0]}, {a[1]}, {e[1]}, gamma3s, 0.0)"
            case "sqrt":
                return f"radical(a{i}, {e[0]}, gamma3s)"
        return f"larger({e[0]}, {e[1]})"

    def bound(self, i: int) -> str:
        """Bound of elementwise value i: the charge of its operation, infinite beyond the format."""
        program, op = self.program, self.program.ops[i]
        if op.kind == "neg":
            return f"e{op.args[0]}"
        if op.kind == "max":
            return f"larger(e{op.args[0]}, e{op.args[1]})"
        if op.kind == "sqrt":
            return f"radical(a{i}, e{op.args[0]}, gamma2)"
        # factors may be moved across everything that comes after the moments: an underflow there
        # is stretched by at most fold, and the largest number is reached so much earlier
        early = i in program.before_moments
        eta, most = ("eta", "largest") if early else ("far", "most")
        return f"within({self._charge(i, eta)}, a{i}, {most})"

    def _charge(self, i: int, eta: str) -> str:
        program, op = self.program, self.program.ops[i]
        parts = program.ema_of(i)
        if parts:
            inside = program.ops[parts[3]]
            if inside.kind == "mul":  # (w·g)·g: the inner underflow is multiplied by |g|
                eta = f"{eta} * (1.0 + larger(a{inside.args[0]}, a{inside.args[1]}))"
            pairs = ", ".join(f"a{k}, e{k}" for k in parts)
            return f"average({pairs}, a{i}, u, gamma2, gamma4, {eta})"
        x, y = op.args
        mixed = [k for k in (x, y) if k in program.uniform]
        if op.kind in ("add", "sub"):
            cast = "".join(f" + u * a{k}" for k in mixed)  # a scalar is cast to the format
            return f"total(a{i}, e{x}, e{y}, u, 2.0 * {eta}{cast})"
        if op.kind == "mul":
            other = y if x in program.uniform else x
            lost = f"{eta} * (1.0 + a{other})" if mixed else eta
            return f"product(a{x}, e{x}, a{y}, e{y}, {'gamma2' if mixed else 'u'}, {lost})"
        lost = f"{eta} * (1.0 + a{i})" if mixed else eta
        if y in program.uniform:
            return f"scaled_down(a{i}, e{x}, e{y}, n{y}, gamma2, {lost})"
        return f"quotient(a{i}, e{x}, a{y}, e{y}, gamma2, {lost})"

    @property
    def divisors(self) -> frozenset[int]:
        """Uniform values that elementwise ones are divided by."""
        return frozenset(
            op.args[1]
            for i, op in enumerate(self.program.ops)
            if op.kind == "div"
            and i not in self.program.uniform
            and op.args[1] in self.program.uniform
        )

    def bounded(self, outputs: list[int]) -> frozenset[int]:
        """Elementwise values whose bound the outputs' bounds need."""
        found: set[int] = set()
        todo = list(outputs)
        while todo:
            i = todo.pop()
            if i in found or i in self.program.uniform or self.program.ops[i].kind == "input":
                continue
            found.add(i)
            parts = self.program.ema_of(i)
            todo.extend(parts[2:] if parts else self.program.ops[i].args)
        return frozenset(found)

    @property
    def elementwise(self) -> list[int]:
        """Indices of the elementwise operations, inputs left out, in order."""
        return [
            i
            for i, op in enumerate(self.program.ops)
            if i not in self.program.uniform and op.kind != "input"
        ]

    @property
    def targets(self) -> list[int]:
        """The outputs whose bounds matter: the moments, the parameter and the update."""
        out = self.program.output
        return [*(out[f"s.{m}"] for m in self.program.moments), out["theta"], out["update"]]
