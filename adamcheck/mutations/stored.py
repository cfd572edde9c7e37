"""A rule whose state is stored as its spec says: ``adamcheck.mutations.stored:SPEC``.

Arithmetic is as wide as the spec allows, and only what is kept is rounded; or, with an ``order`` in
the notation of mutations.orders, as narrow as it allows, where what follows reads a moment as it is
computed or (``reads=kept``) as it is kept. So this is an honest target of the spec that it is named
by, and a wrong one of others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck import codes
from adamcheck.errors import UsageError
from adamcheck.formats import FORMATS, Format, format_named
from adamcheck.mutations.evaluate import Arithmetic, Slot, advance, rounded
from adamcheck.mutations.orders import Order, ordered, parse_order
from adamcheck.mutations.target import Optimizer, named
from adamcheck.program import trace
from adamcheck.rules.storage import UNCLAIMED
from adamcheck.storage import Kept, kept, place_of, remembers, widest

Array = NDArray[Any]


class Stored(Optimizer):
    """A rule whose moments and parameter are kept in formats of their own.

    What no spec says, and a fault does: ``digits`` moments are rounded to so many significand bits
    before; ``forgets`` what is kept behind θ is lost "always" or when a state is loaded ("load");
    ``chance`` rounds up so much more often than it should; ``scale`` takes a block's largest
    magnitude from the block before it ("neighbour") or from all ("global").
    """

    _digits, _forgets, _chance, _scale = "", "", 0.0, ""
    _narrow, _reads = False, ""

    def __init__(self, params: Sequence[Array], **given: Any) -> None:
        self._random = np.random.default_rng(len(params))
        self._rests: list[Array | None] = [None] * len(params)
        super().__init__(params, **given)

    def programmed(
        self,
        edit: str = "",
        digits: str = "",
        forgets: str = "",
        chance: str = "",
        scale: str = "",
        order: str = "",
        reads: str = "",
    ) -> Any:
        """The rule, edited or not, or in an order; the storage is not its program's."""
        self._scale = scale
        self._digits, self._forgets, self._chance = digits, forgets, float(chance or 0.0)
        if not (order or reads):
            return super().programmed(edit)
        written = parse_order("" if order == "plain" else order)
        if edit or self.spec.arithmetic != "any" or remembers(self.spec):
            raise UsageError(
                f"order {order!r}: operations round in their operands' formats under arithmetic=any"
                " alone, without an edit and with nothing kept behind θ."
            )
        if reads not in ("", "kept") or written != Order(written.forms):
            raise UsageError(
                f"order {order!r}, reads={reads}: the formats of the operands say how wide"
                " arithmetic is; moments are read as computed, or with reads=kept as kept."
            )
        self._narrow, self._reads = True, reads
        rule = trace(self.spec)
        return ordered(rule, written), rule

    def _own_formats(self, i: int) -> tuple[str, ...]:
        """The format of each value: the widest of its operands', or the one that it is kept in."""
        known, found = self._formats(i), list[str]()
        program = self._program.expanded
        read = dict(enumerate(op.name for op in program.ops))
        read |= {k: name for name, k in program.outputs} if self._reads == "kept" else {}
        for k, op in enumerate(program.ops):
            if k not in program.uniform and read[k][:2] == "s.":
                found.append(known.at[place_of(self.spec, read[k][2:])].name)
                continue
            parts = [FORMATS[found[a]] for a in op.args if a not in program.uniform]
            found.append((widest(parts) if parts else known.parameter).name)
        return tuple(found)

    def _formats(self, i: int) -> Kept:
        return kept(self.spec, format_named(self._dtypes[i].name))

    def _wide(self, i: int) -> Format:
        """The format of arithmetic: what is kept behind θ needs more digits than θ has."""
        behind = [self.spec.master] if self.spec.master in FORMATS else []
        if self.spec.kahan == "yes":  # an update has to be known in more digits than θ has
            behind += ["float32" if self._formats(i).parameter.narrow else "float64"]
        return widest((self._formats(i).base, *(FORMATS[name] for name in behind)))

    def _fresh(self, i: int) -> Slot:
        slot = super()._fresh(i)
        slot.arrays = {n: self._stored(i, n, x) for n, x in slot.arrays.items()}
        return slot

    def _stored(self, i: int, name: str, x: Array) -> Array:
        """A state in the format in which it is kept."""
        x = rounded(x, self._digits) if self._digits else x
        if codes.in_blocks(self.spec, x.size):
            return self._coded(name, x.astype(np.float64)).astype(np.float32)
        return x.astype(self._formats(i).at[place_of(self.spec, name)].dtype)

    def _coded(self, name: str, x: Array) -> Array:
        """What the codes of a state stand for."""
        block = int(self.spec.blocks)
        scale = codes.scales(x, block)
        if self._scale == "neighbour":
            scale = np.roll(scale, block)
        elif self._scale == "global":
            scale = np.full_like(scale, scale.max(initial=0.0))
        return codes.rounded(self.spec, name, x, scale)

    def _advance(self, i: int, g: Array) -> None:
        wide, slot = self._wide(i), self._slots[i]
        arithmetic = Arithmetic(wide.name)
        theta, g = (x.reshape(-1) for x in (self._thetas[i], np.asarray(g)))
        if self._narrow:
            arithmetic = Arithmetic(wide.name, formats=self._own_formats(i))
        else:
            slot.arrays = {n: x.astype(wide.dtype) for n, x in slot.arrays.items()}
            theta, g = theta.astype(wide.dtype), g.astype(wide.dtype)
        shown, rest = theta, self._rests[i]
        if rest is not None and self.spec.kahan == "no":  # the copy behind θ
            shown = rest.astype(wide.dtype)
        theta = advance(self._program, arithmetic, self._hyper, slot, shown, g)
        slot.arrays = {n: self._stored(i, n, x) for n, x in slot.arrays.items()}
        self._thetas[i] = self._kept(i, shown, theta)

    def _kept(self, i: int, before: Array, after: Array) -> Array:
        """The parameter that is shown; what is kept behind it is brought forward."""
        kind, spec = self._dtypes[i], self.spec
        if spec.kahan == "yes":
            rest = self._rests[i]
            rest = np.zeros_like(before, kind) if rest is None else rest
            moved = (rest.astype(after.dtype) + (after - before)).astype(kind)
            old = before.astype(kind)
            new = old + moved
            if spec.rounding != UNCLAIMED["rounding"]:
                new = self._rounded(old.astype(np.float64) + moved.astype(np.float64), kind)
            self._rests[i] = None if self._forgets == "always" else moved + (old - new)
            return np.asarray(new)
        if spec.master in FORMATS:
            self._rests[i] = None if self._forgets == "always" else after.astype(
                FORMATS[spec.master].dtype)  # fmt: skip
        return self._rounded(after, kind)

    def _rounded(self, x: Array, kind: np.dtype[Any]) -> Array:
        """x in θ's format, as the spec says how."""
        if self.spec.rounding == UNCLAIMED["rounding"]:
            return x.astype(kind)
        fmt, size = format_named(kind.name), np.abs(x.astype(np.float64))
        place = np.ldexp(
            1.0, np.maximum(np.frexp(size)[1] - 1, fmt.min_exponent) - fmt.precision + 1
        )
        below = np.floor(size / place)
        if self.spec.rounding == "stochastic":
            drawn = self._random.random(size.shape) - self._chance
            below = below + (drawn < size / place - below)
        whole = np.copysign(below * place, x.astype(np.float64))
        return np.where(np.isfinite(size), whole, x.astype(np.float64)).astype(kind)

    def state_dict(self) -> dict[str, Any]:
        """What the rule keeps, and what is behind θ."""
        rests = [None if x is None else x.copy() for x in self._rests]
        return super().state_dict() | {"rests": rests}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state_dict`` was taken."""
        super().load_state_dict(state)
        rests = [None if x is None else x.copy() for x in state["rests"]]
        self._rests = [None] * len(rests) if self._forgets == "load" else rests


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    return named(name, Stored, ("edit", "digits", "forgets", "chance", "scale", "order", "reads"))
