"""A theorem's steps as JSON, which proofs/check_certificate.py replays without SymPy."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import platform
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import sympy

from adamcheck._version import __version__
from adamcheck.proof.claims import Step
from adamcheck.proof.kernel import Proof, spelled
from adamcheck.proof.library import directory
from adamcheck.proof.normal import spelling, text
from adamcheck.proof.theorem import Book, Theorem

SCHEMA = "adamcheck-certificate-1"


def certificate(theorem: Theorem, book: Book) -> dict[str, Any]:
    """All that the stand-alone checker needs, with the versions that made it and a digest."""
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "theorem": theorem.slug,
        "statement": theorem.statement,
        "parts": [_part(proof) for proof in book.parts],
        "versions": {
            "adamcheck": __version__,
            "sympy": sympy.__version__,
            "python": platform.python_version(),
        },
    }
    return content | {"digest": digest_of(content)}


def digest_of(content: dict[str, Any]) -> str:
    """SHA-256 of the certificate's content without its digest."""
    plain = {name: value for name, value in content.items() if name != "digest"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def substance(theorem: Theorem, book: Book) -> str:
    """SHA-256 of what is proved and of every coefficient in its proof, in normal form.

    proofs/LOCK.json pins it. It depends on no version and on no way of writing an expression.
    """
    content: list[Any] = [theorem.slug, theorem.statement, theorem.refutes]
    for proof in book.parts:
        content.append([proof.title, sorted(map(str, proof.inputs))])
        content += [
            [str(name), spelling(base.expr), spelling(after.expr)]
            for name, (base, after) in sorted(proof.state.items(), key=str)
        ]
        content += [_substance(step) for step in proof.steps]
        content += [[fact.index, says] for fact, says in proof.conclusions]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _substance(step: Step) -> list[Any]:
    claim = [spelling(step.claim.term.expr), step.claim.relation] if step.claim else []
    sums = [[[p.how, spelling(p.value.expr)] for p in pieces] for pieces in step.summands]
    equalities = [[spelling(c.expr), fact.index] for c, fact in step.cofactors]
    # a run's claims have no terms of their own here; its numbers are plain text already
    plain = step.detail if step.rule == "run" else {}
    return [step.rule, claim, sums, equalities, plain]


@lru_cache(maxsize=1)
def locked_digests() -> dict[str, str]:
    """Slug to the digest that proofs/LOCK.json pins: no coefficient changes without a trace."""
    path = directory() / "LOCK.json"
    content: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return content


def _part(proof: Proof) -> dict[str, Any]:
    steps = []
    for step in proof.steps:
        claim = spelled(step.claim) if step.claim is not None else None
        side = [[divisor, [list(pair) for pair in powers]] for divisor, powers in step.side]
        steps.append({"rule": step.rule, "claim": claim, "side": side, **step.detail})
    symbols = {s for f in proof.facts if f.claim for s in f.term.symbols}
    return {
        "title": proof.title,
        "generators": sorted(map(str, symbols)),
        "state": {
            str(name): [text(base.expr), text(after.expr)]
            for name, (base, after) in proof.state.items()
        },
        "inputs": sorted(map(str, proof.inputs)),
        "steps": steps,
        "conclusions": [fact.index for fact, _ in proof.conclusions],
        "says": [statement for _, statement in proof.conclusions],
    }


@lru_cache(maxsize=1)
def checker() -> Callable[[dict[str, Any]], str]:
    """The stand-alone checker's ``replay``: returns a line, or raises with the reason."""
    path = directory() / "check_certificate.py"
    spec = importlib.util.spec_from_file_location("adamcheck._proofs.check_certificate", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    replay: Callable[[dict[str, Any]], str] = module.replay
    return replay
