"""Change a program by one edit: the value at a place is replaced, where the guard holds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

from adamcheck.errors import UsageError, closest
from adamcheck.mutations.edits import Edit, Guard
from adamcheck.mutations.language import Draft, composed, indices, pruned
from adamcheck.mutations.operators import OPERATORS, Site
from adamcheck.program import Program


@lru_cache(maxsize=4096)
def apply(program: Program, edit: Edit) -> Program:
    """The changed program; UsageError where the operator or the place is unknown or unfit.

    Open parameters become inputs ``e.NAME``, those of a guard of one condition ``e.at`` and
    ``e.rest``.
    """
    guard = edit.guard
    if guard is not None and guard.also is not None and guard.is_open:
        raise UsageError(f"edit {edit}: a number of two conditions cannot be left open.")
    operator = OPERATORS.get(edit.operator)
    if operator is None:
        hint = closest(edit.operator, OPERATORS)
        raise UsageError(f"edit: unknown operator {edit.operator!r}.{hint}")
    plain = program.expanded
    place = indices(plain).get(edit.place)
    if place is None:
        hint = closest(edit.place, indices(plain))
        raise UsageError(f"edit: {program.spec} has no value {edit.place!r}.{hint}")
    return composed(pruned(_Writer(plain, edit, place).written()), program)


@dataclass
class _Writer:
    program: Program
    edit: Edit
    place: int
    draft: Draft = field(default_factory=Draft)
    now: dict[int, int] = field(default_factory=dict)

    def written(self) -> Program:
        program, place, operator = self.program, self.place, OPERATORS[self.edit.operator]
        side = operator.side or self.edit.get("side")
        stored: dict[int, int] = {}
        states: list[tuple[str, int]] = []
        clocks = program.clocks
        for i, op in enumerate(program.ops):
            kept = self.draft.add(replace(op, args=tuple(self.now[a] for a in op.args)))
            self.now[i] = kept
            if i != place:
                continue
            site = Site(program, self.edit, place, self.draft, self.now, kept)
            changed = operator.change(site)
            guard = self.edit.guard
            if changed != site.old:
                for one in guard.conditions if guard else ():
                    changed = self.draft.emit("choose", _holds(self.draft, one), changed, site.old)
            states = [(n, changed if final else kept) for n, final in site.remembered]
            if site.redirected is not None:  # other values that read the state before
                self.now[site.redirected] = changed
                continue
            stored[i] = kept if side == "use" else changed
            if side != "state":
                self.now[i] = changed
        outputs = tuple((n, stored.get(i, self.now[i])) for n, i in program.outputs)
        outputs += tuple((f"s.{name}", index) for name, index in states)
        if place in program.uniform:
            clocks += tuple(name for name, _ in states)
        return replace(program, ops=tuple(self.draft.ops), outputs=outputs, clocks=clocks)


def _holds(draft: Draft, guard: Guard) -> int:
    """A truth: 1 where a guard of one condition holds, 0 elsewhere."""

    def number(value: float | None, name: str) -> int:
        return draft.read(f"e.{name}") if value is None else draft.constant(value)

    def negated(truth: int) -> int:
        return draft.emit("equal", truth, draft.constant(0))

    if guard.kind == "index==last":
        last = draft.emit("sub", draft.read("x.size"), draft.constant(1))
        return draft.emit("equal", draft.read("x.index"), last)
    at = number(guard.value, "at")
    match guard.kind:
        case "t>=":
            return draft.emit("ge", draft.read("x.t"), at)
        case "t<":
            return negated(draft.emit("ge", draft.read("x.t"), at))
        case "t==":
            return draft.emit("equal", draft.read("x.t"), at)
        case "|g|>=":
            return draft.emit("ge", draft.magnitude(draft.read("g")), at)
        case "|g|<":
            return negated(draft.emit("ge", draft.magnitude(draft.read("g")), at))
        case "silence>=":
            return draft.emit("ge", draft.read("x.silence"), at)
        case "index==":
            return draft.emit("equal", draft.read("x.index"), at)
        case "size>=":
            return draft.emit("ge", draft.read("x.size"), at)
    counted = draft.read("x.t" if guard.kind == "t%" else "x.index")
    rest = number(guard.rest, "rest")
    return draft.emit("equal", draft.emit("mod", counted, at), rest)
