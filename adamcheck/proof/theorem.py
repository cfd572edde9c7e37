"""What a theorem file holds: statement, source, proof, and false claims that must be rejected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from adamcheck.proof.kernel import Proof


@dataclass
class Book:
    """The parts of one theorem's proof; each part is a proof with its own symbols."""

    parts: list[Proof] = field(default_factory=list)

    def part(self, title: str) -> Proof:
        """Begin a part."""
        proof = Proof(title)
        self.parts.append(proof)
        return proof


Attempt: TypeAlias = Callable[[Book], None]


@dataclass(frozen=True)
class Control:
    """A negative control: a false claim close to the theorem, with an attempt to prove it."""

    claim: str
    attempt: Attempt


@dataclass(frozen=True)
class Theorem:
    """One theorem; ``statement`` is Markdown with formulas, ``source`` says where it is claimed.

    ``refutes`` names the published claim that the theorem shows to be false, if it does; ``covers``
    the specs that it speaks of, by pattern, each with the condition under which it does
    (adamcheck.proof.coverage).
    """

    slug: str
    title: str
    statement: str
    source: str
    prove: Attempt
    controls: tuple[Control, ...]
    refutes: str = ""
    covers: Mapping[str, str] = field(default_factory=dict)
