"""The operators that change a program: what each does at a place, and where it applies.

They know kinds of operations and no rule, so every rule of the family can be changed by each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from adamcheck.errors import UsageError
from adamcheck.formats import FORMATS
from adamcheck.mutations.edits import Edit, Value
from adamcheck.mutations.language import Draft, averaged, indices, labels, live
from adamcheck.program import Program

Choice = tuple[tuple[str, Value], ...]
BINARY: Final = ("add", "sub", "mul", "div", "max", "min")


@dataclass
class Site:
    """Where an edit is made: value ``index`` of ``program`` is ``old`` in the draft."""

    program: Program
    edit: Edit
    index: int
    draft: Draft
    now: dict[int, int]
    old: int
    remembered: list[tuple[str, bool]] = field(default_factory=list)
    redirected: int | None = None

    def number(self, name: str) -> int:
        """A parameter of the edit: a constant, or an input where it is open."""
        value = self.edit[name]
        if isinstance(value, str):
            raise UsageError(f"edit {self.edit}: {name} must be a number")
        return self.draft.read(f"e.{name}") if value is None else self.draft.constant(value)

    def word(self, name: str) -> str:
        """A parameter of the edit that is a word."""
        return str(self.edit[name])

    def labelled(self, label: str) -> int:
        """The draft's value of one of the program's earlier values."""
        found = indices(self.program).get(label)
        if found is None or found not in self.now:
            raise UsageError(f"edit {self.edit}: there is no value {label!r} before the place")
        return self.now[found]

    def memory(self, *, final: bool) -> int:
        """What the value (``final``: after the edit) was a step ago; itself where none was seen."""
        name = f"edit{1 + sum(op.name.startswith('s.edit') for op in self.program.ops)}"
        self.remembered.append((name, final))
        first = self.draft.emit("equal", self.draft.read("x.since"), self.draft.constant(1))
        return self.draft.emit("choose", first, self.old, self.draft.read(f"s.{name}"))

    def operands(self) -> list[int]:
        """The draft's operands of the operation at the place."""
        return [self.now[a] for a in self.program.ops[self.index].args]


@dataclass(frozen=True)
class Operator:
    """One way of changing a program.

    ``choices(program, i)`` yields the words that fit value i (nothing where it does not apply; one
    empty choice where there is nothing to choose); ``numbers`` name its numeric parameters;
    ``side`` says that it concerns the state that is kept ("state"), what else reads the value
    ("use"), or leaves that to the edit ("").
    """

    name: str
    words: str
    choices: Callable[[Program, int], Iterator[Choice]]
    change: Callable[[Site], int]
    numbers: tuple[str, ...] = ()
    side: str = ""


def _anywhere(program: Program, i: int) -> Iterator[Choice]:
    if program.ops[i].kind != "const":
        yield ()


def _elementwise(program: Program, i: int) -> Iterator[Choice]:
    if i not in program.uniform:
        yield ()


def _each(name: str, *values: str) -> Callable[[Program, int], Iterator[Choice]]:
    def choices(program: Program, i: int) -> Iterator[Choice]:
        for _ in _anywhere(program, i):
            yield from (((name, value),) for value in values)

    return choices


# replace an operand, an operation; drop one -------------------------------------------------------


def _operand_choices(program: Program, i: int) -> Iterator[Choice]:
    names = labels(program)
    for k, arg in enumerate(program.ops[i].args):
        for j in sorted(live(program)):
            if j < i and j != arg and (j in program.uniform) == (arg in program.uniform):
                yield ("arg", k), ("with", names[j])


def _operand(site: Site) -> int:
    op, args = site.program.ops[site.index], site.operands()
    args[_position(site, len(args))] = site.labelled(site.word("with"))
    return site.draft.emit(op.kind, *args, name=op.name)


def _position(site: Site, count: int) -> int:
    k = site.edit["arg"]
    if not isinstance(k, int) or not 0 <= k < count:
        raise UsageError(f"edit {site.edit}: arg must be one of 0 … {count - 1}")
    return k


def _operation_choices(program: Program, i: int) -> Iterator[Choice]:
    kind = program.ops[i].kind
    if kind in BINARY:
        yield from ((("with", other),) for other in BINARY if other != kind)


def _operation(site: Site) -> int:
    kind = site.word("with")
    if kind not in BINARY or len(site.operands()) != 2:
        raise UsageError(f"edit {site.edit}: with must be one of {', '.join(BINARY)}")
    return site.draft.emit(kind, *site.operands())


def _drop_choices(program: Program, i: int) -> Iterator[Choice]:
    for k, arg in enumerate(program.ops[i].args):
        if (arg in program.uniform) == (i in program.uniform):
            yield (("arg", k),)


def _drop(site: Site) -> int:
    args = site.operands()
    return args[_position(site, len(args))]


# put one in ---------------------------------------------------------------------------------------

INSERTED: Final = ("neg", "abs", "sqrt", "square")


def _insert(site: Site) -> int:
    draft, x = site.draft, site.old
    match site.word("f"):
        case "neg" | "sqrt" as kind:
            return draft.emit(kind, x)
        case "abs":
            return draft.magnitude(x)
        case "square":
            return draft.emit("mul", x, x)
    raise UsageError(f"edit {site.edit}: f must be one of {', '.join(INSERTED)}")


def _scale(site: Site) -> int:
    return site.draft.emit("mul", site.old, site.number("c"))


def _shift(site: Site) -> int:
    return site.draft.emit("add", site.old, site.number("c"))


def _reset(site: Site) -> int:
    return site.draft.emit("mul", site.old, site.draft.constant(0))


def _clip(site: Site) -> int:
    draft, c = site.draft, site.number("c")
    return draft.emit("min", draft.emit("max", site.old, draft.emit("neg", c)), c)


def _clip_norm(site: Site) -> int:
    draft, one = site.draft, site.draft.constant(1)
    room = draft.emit("div", site.number("c"), draft.emit("norm", site.old))
    return draft.emit("mul", site.old, draft.emit("min", room, one))


NARROWER: Final = ("float32", "bfloat16", "float16")


def _round(site: Site) -> int:
    to = site.edit["to"]
    if not (to in NARROWER or (isinstance(to, int) and 1 <= to <= FORMATS["float64"].precision)):
        raise UsageError(
            f"edit {site.edit}: to must be one of {', '.join(NARROWER)} or 1 … 53 bits"
        )
    return site.draft.emit("round", site.old, name=str(to))


# time ---------------------------------------------------------------------------------------------


def _delay(site: Site) -> int:
    return site.memory(final=False)


def _hold(site: Site) -> int:
    return site.memory(final=True)


def _running_choices(program: Program, i: int) -> Iterator[Choice]:
    if _average(program, i) is not None:
        yield from ((("kind", kind),) for kind in ("max", "min", "last"))


def _average(program: Program, i: int) -> tuple[int, int] | None:
    """(old, new) where value i is β·old + (1-β)·new."""
    beta, weight, old, new = averaged(program, i) or (0, 0, 0, 0)
    return (old, new) if beta != weight else None


def _running(site: Site) -> int:
    parts = _average(site.program, site.index)
    if parts is None:
        raise UsageError(f"edit {site.edit}: {site.edit.place} is no moving average")
    old, new = (site.now[k] for k in parts)
    kind = site.word("kind")
    if kind == "last":
        return new
    if kind not in ("max", "min"):
        raise UsageError(f"edit {site.edit}: kind must be max, min or last")
    running = site.draft.emit(kind, old, new)
    if kind == "max":
        return running
    first = site.draft.emit("equal", site.draft.read("x.t"), site.draft.constant(1))
    return site.draft.emit("choose", first, new, running)


def _states(program: Program) -> dict[int, int]:
    """Value before the step of every state, by its value after it."""
    return {
        i: program.inputs[name]
        for name, i in program.outputs
        if name in program.inputs and i != program.inputs[name]
    }


def _before_choices(program: Program, i: int) -> Iterator[Choice]:
    if i in _states(program) and any(i in program.ops[k].args for k in live(program)):
        yield ()


def _before(site: Site) -> int:
    return site.now[_states(site.program)[site.index]]


def _after_choices(program: Program, i: int) -> Iterator[Choice]:
    before = _states(program).get(i)
    if before is not None and any(before in program.ops[k].args for k in live(program) if k > i):
        yield ()


def _after(site: Site) -> int:
    changed = site.old
    site.redirected = _states(site.program)[site.index]
    site.old = site.now[site.redirected]
    return changed


# hyperparameters, and the other elements ----------------------------------------------------------


def _hyper_choices(program: Program, i: int) -> Iterator[Choice]:
    if not program.ops[i].name.startswith("h."):
        return
    names = labels(program)
    yield (("with", "complement"),)
    for j in sorted(live(program)):
        if j != i and program.ops[j].name.startswith("h."):
            yield (("with", names[j]),)


def _hyper(site: Site) -> int:
    other = site.word("with")
    if other == "complement":
        return site.draft.emit("sub", site.draft.constant(1), site.old)
    return site.draft.read(f"h.{other}")


COUPLED: Final = ("mean", "center", "rms", "largest", "normalize")


def _couple_choices(program: Program, i: int) -> Iterator[Choice]:
    if i not in program.uniform:
        yield from ((("by", word),) for word in COUPLED)


def _couple(site: Site) -> int:
    draft, x = site.draft, site.old
    match site.word("by"):
        case "mean" | "largest" as kind:
            return draft.emit(kind, x)
        case "center":
            return draft.emit("sub", x, draft.emit("mean", x))
        case "rms":
            return draft.emit("sqrt", draft.emit("mean", draft.emit("mul", x, x)))
        case "normalize":
            return draft.emit("div", x, draft.emit("norm", x))
    raise UsageError(f"edit {site.edit}: by must be one of {', '.join(COUPLED)}")


_ALL: Final = (
    Operator("operand", "another value of the same kind is read", _operand_choices, _operand),
    Operator("operation", "another operation is taken", _operation_choices, _operation),
    Operator("drop", "an operation is left out", _drop_choices, _drop),
    Operator("insert", "a function is put in", _each("f", *INSERTED), _insert),
    Operator("scale", "multiplied by c", _anywhere, _scale, ("c",)),
    Operator("shift", "c is added", _anywhere, _shift, ("c",)),
    Operator("reset", "zero instead", _anywhere, _reset),
    Operator("clip", "clipped at ±c", _anywhere, _clip, ("c",)),
    Operator("clip-norm", "scaled so that the norm is at most c", _elementwise, _clip_norm, ("c",)),
    Operator("round", "rounded through a narrower format", _each("to", *NARROWER), _round),
    Operator("delay", "what it was one step before", _anywhere, _delay),
    Operator("hold", "what it was when the edit began to apply", _anywhere, _hold),
    Operator("running", "the largest, least or last instead of the average", _running_choices,
             _running),
    Operator("before", "the state before the step is read, not after it", _before_choices, _before,
             side="use"),
    Operator("after", "the state after the step is read, not before it", _after_choices, _after,
             side="use"),
    Operator("hyper", "another hyperparameter, or 1 less this one", _hyper_choices, _hyper),
    Operator("couple", "elements are coupled by a mean or a norm", _couple_choices, _couple),
)  # fmt: skip

OPERATORS: Final[dict[str, Operator]] = {operator.name: operator for operator in _ALL}
"""Every operator by its name."""
