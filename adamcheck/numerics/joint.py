"""Several programs over the same steps of the same columns: what they have in common is done once.

A lock-step walk takes the parameter before every step as it was seen, so nothing but states runs
through the steps one after another; all else is computed for many steps at once. The lines are
those of stepwise.py; two that do the same to the same operands are one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np

from adamcheck.numerics.emit import FORMAT_CONSTANTS
from adamcheck.numerics.stepwise import Stepwise, reaches

_ROOM: Final = 1 << 13
"""Element-steps that are computed at once: their arrays stay in the cache."""
_NONE: Final = -1


@dataclass(frozen=True)
class Member:
    """One program with all that its steps read; ``[T, N]``, or ``[N]`` where every step is alike.

    values, bounds: by input name; of a state that is carried on, before the first step ``[N]``.
    constants: what else the lines read, with a reassociation ``[2, …]``; all else of it is the
    same for all members. given: states that are not carried on but told at every step.
    """

    step: Stepwise
    values: Mapping[str, Any]
    bounds: Mapping[str, Any]
    constants: Any
    given: frozenset[str] = frozenset()

    @property
    def carried(self) -> list[str]:
        """The states that go from one step to the next."""
        inputs, outputs = self.step.inputs, self.step.outputs
        return [n for n in outputs if n[:2] == "s." and n in inputs and n not in self.given]


@dataclass(frozen=True)
class _Node:
    """What a line makes of other nodes; a leaf has no work. late: whose far and most it reads."""

    work: Callable[..., Any] | None = None
    reads: tuple[int, ...] = ()
    late: int = _NONE


@dataclass(frozen=True)
class _Graph:
    """Nodes in an order in which they can be computed, and the numbers of leaves.

    before, after: of each member, by letter (h a value, e its bound) and name, which node an input
    or an output is.
    """

    nodes: list[_Node] = field(default_factory=list)
    leaves: dict[int, Any] = field(default_factory=dict)
    before: list[dict[tuple[str, str], int]] = field(default_factory=list)
    after: list[dict[tuple[str, str], int]] = field(default_factory=list)
    known: dict[Any, int] = field(default_factory=dict)

    def leaf(self, key: Any, numbers: Any) -> int:
        """The node of numbers; ``key`` tells them from others."""
        at = self.known.setdefault(key, len(self.nodes))
        if at == len(self.nodes):
            self.nodes.append(_Node())
            self.leaves[at] = numbers
        return at

    def lines(self, step: Stepwise, places: list[int], late: int) -> None:
        """The nodes of all lines of a step; ``places`` are those of its inputs, and then of all."""
        known, nodes = self.known, self.nodes
        for line in step.lines:
            reads = tuple([places[r] for r in line.reads])
            key = (line.work, reads, late if line.late else _NONE)
            at = known.get(key)
            if at is None:
                at = known[key] = len(nodes)
                nodes.append(_Node(*key))
            places[line.slot] = at


@dataclass(frozen=True)
class _Parts:
    """Which nodes are computed when: before the states, ``through`` the steps with them, after.

    carry: the node of a state after a step, by the one before. outside: what is read of the first
    part step by step; kept: what is read of the second one afterwards.
    """

    before: list[int]
    through: list[int]
    after: list[int]
    carry: dict[int, int]
    outside: list[int]
    kept: list[int]


class Joint:
    """Members over ``shape`` (T, N), asked for some of their nodes."""

    def __init__(self, members: Sequence[Member], shape: tuple[int, int]) -> None:
        self._members, self._shape = members, shape
        self._numbered: dict[Any, int] = {}
        self._seen: dict[int, tuple[Any, int]] = {}
        factors = [self._content(member.constants.reassociation) for member in members]
        order = {number: k for k, number in enumerate(dict.fromkeys(factors))}
        self._late = [order[number] for number in factors]
        self._graph = self._merged()

    def output(self, member: int, name: str, letter: str) -> int:
        """The node of an output, its value h or its bound e."""
        return self._graph.after[member][letter, name]

    def state(self, member: int, name: str, letter: str) -> int:
        """The node of a state before each step."""
        return self._graph.before[member][letter, name]

    def run(self, wanted: Sequence[int]) -> Iterator[tuple[slice, Sequence[Any]]]:
        """Some steps after another with all nodes: the wanted ones are numbers, ``[N]`` or
        ``[steps, N]`` each."""
        steps, count = self._shape
        c = self._members[0].constants
        given = (c, *(getattr(c, name) for name in FORMAT_CONSTANTS))
        ends = {k: reaches(m.constants) for k, m in zip(self._late, self._members, strict=True)}
        parts = self._parts(wanted)
        states = {leaf: self._graph.leaves[leaf] for leaf in parts.carry}
        size = max(1, _ROOM // max(1, count))
        for begin in range(0, steps, size):
            some = slice(begin, min(begin + size, steps))
            known: list[Any] = [None] * len(self._graph.nodes)
            for leaf, numbers in self._graph.leaves.items():
                known[leaf] = _cut(numbers, some)
            here = {k: tuple(_cut(x, some) for x in each) for k, each in ends.items()}
            self._compute(parts.before, known, given, here)
            if parts.carry:
                self._walk(parts, known, given, here, states, some.stop - begin)
            self._compute(parts.after, known, given, here)
            yield some, known

    def _compute(self, some: Sequence[int], known: list[Any], given: Any, ends: Any) -> None:
        nodes = self._graph.nodes
        for at in some:
            node = nodes[at]
            end = ends[node.late] if node.late != _NONE else (None, None)
            known[at] = node.work(*given, *end, *[known[k] for k in node.reads])  # type: ignore[misc]

    def _walk(
        self,
        parts: _Parts,
        known: list[Any],
        given: Any,
        ends: Any,
        states: dict[int, Any],
        steps: int,
    ) -> None:
        """Step by step through what the states are made of; what is read of it stays known."""
        now = list(known)
        moving = [(k, known[k]) for k in parts.outside if np.ndim(known[k]) == 2]
        kept = [(k, np.empty((steps, self._shape[1]))) for k in parts.kept]
        late = {self._graph.nodes[k].late for k in parts.through} - {_NONE}
        for t in range(steps):
            for k, rows in moving:
                now[k] = rows[t]
            for leaf, numbers in states.items():
                now[leaf] = numbers
            here = {k: tuple(_cut(x, t) for x in ends[k]) for k in late}
            self._compute(parts.through, now, given, here)
            for k, rows in kept:
                rows[t] = now[k]
            for leaf, after in parts.carry.items():
                states[leaf] = now[after]
        for k, rows in kept:
            known[k] = rows

    def _parts(self, wanted: Sequence[int]) -> _Parts:
        nodes, after = self._graph.nodes, self._after(self._graph)
        needed, carry = set[int](), dict[int, int]()
        todo = list(wanted)
        while todo:
            k = todo.pop()
            if k not in needed:
                needed.add(k)
                todo.extend(nodes[k].reads)
                if k in after:
                    carry[k] = after[k]
                    todo.append(after[k])
        moving = set(carry)
        for k in sorted(needed):
            if not moving.isdisjoint(nodes[k].reads):
                moving.add(k)
        through, todo = set[int](), list(carry.values())
        while todo:
            k = todo.pop()
            if k in moving and k not in through:
                through.add(k)
                todo.extend(nodes[k].reads)
        lines = [k for k in sorted(needed) if nodes[k].work is not None]
        last = [k for k in lines if k in moving and k not in through]
        inner = [k for k in lines if k in through]
        read = {r for k in inner for r in nodes[k].reads}.union(carry.values())
        asked = {r for k in last for r in nodes[k].reads}.union(wanted)
        return _Parts(
            [k for k in lines if k not in moving],
            inner,
            last,
            carry,
            sorted(read - moving),
            sorted(asked & (through | carry.keys())),
        )

    def _merged(self) -> _Graph:
        """The graph in which states that begin alike and go on alike are one."""
        groups: dict[tuple[int, str], int] = {}
        while True:
            graph = self._built(groups)
            found: dict[Any, int] = {}
            begun = set[Any]()
            for k, name in self._states:
                before, after = graph.before[k], graph.after[k]
                begin = before["h", name], before["e", name]
                key = (*begin, after["h", name], after["e", name])
                begun.add(begin)
                groups[k, name] = found.setdefault(key, len(found))
            if len(found) == len(begun):
                return graph

    @cached_property
    def _states(self) -> list[tuple[int, str]]:
        """All states that are carried on: member and name."""
        several = self._shape[0] > 1
        return [(k, n) for k, m in enumerate(self._members) if several for n in m.carried]

    def _built(self, groups: Mapping[tuple[int, str], int]) -> _Graph:
        """The graph in which carried states are one that begin alike and are of one group."""
        graph = _Graph()
        for k, member in enumerate(self._members):
            places = [_NONE] * member.step.slots
            before: dict[tuple[str, str], int] = {}
            states = member.carried
            for name, slots in member.step.inputs.items():
                carried = (name, groups.get((k, name), 0)) if name in states else ()
                tables = (member.values, member.bounds)
                for letter, table, slot in zip("he", tables, slots, strict=True):
                    if slot is None and not carried:
                        continue
                    key = (self._content(table[name]), *((letter, *carried) if carried else ()))
                    at = before[letter, name] = graph.leaf(key, table[name])
                    if slot is not None:
                        places[slot] = at
            graph.lines(member.step, places, self._late[k])
            graph.before.append(before)
            graph.after.append(
                {
                    (letter, name): places[slot]
                    for name, slots in member.step.outputs.items()
                    for letter, slot in zip("he", slots, strict=True)
                }
            )
        return graph

    def _after(self, graph: _Graph) -> dict[int, int]:
        """The node of each state after a step, by the one before it."""
        return {
            graph.before[k][letter, name]: graph.after[k][letter, name]
            for k, name in self._states
            for letter in "he"
        }

    def _content(self, numbers: Any) -> int:
        """The same for equal arrays."""
        if id(numbers) not in self._seen:
            array = np.asarray(numbers, np.float64)
            key = (array.shape, array.tobytes())
            number = self._numbered.setdefault(key, len(self._numbered))
            self._seen[id(numbers)] = (numbers, number)
        return self._seen[id(numbers)][1]


def _cut(numbers: Any, some: slice | int) -> Any:
    """Some steps of what differs from step to step."""
    return numbers[some] if np.ndim(numbers) == 2 else numbers
