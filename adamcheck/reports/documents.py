"""Results as JSON documents and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from adamcheck._version import __version__
from adamcheck.declared import read
from adamcheck.errors import UsageError
from adamcheck.reports.horizon import horizon_document, read_horizon
from adamcheck.result import (
    SCHEMA,
    SEVERAL,
    CheckResult,
    Finding,
    Identification,
    InferredEdit,
    Result,
    Scope,
    Status,
    Traits,
    Verdict,
)
from adamcheck.spec.defaults import Defaults
from adamcheck.spec.defaults import read as read_defaults
from adamcheck.witness import number, plain, read_json, read_witness, reason, witness_document


def result_document(result: Result) -> dict[str, Any]:
    """One result as JSON types (schema: result.schema.json beside this module)."""
    found = result.identified
    return {
        "schema": SCHEMA,
        "adamcheck": __version__,
        "target": result.target,
        "adapter": result.adapter,
        "options": plain(result.options),
        "spec": result.spec,
        "verdict": result.verdict.value,
        "error": result.error,
        "identified": None if found is None else identification_document(found),
        "environment": {str(k): str(v) for k, v in result.environment.items()},
        "profile": result.profile,
        "seed": int(result.seed),
        "seconds": number(result.seconds),
        "counts": result.counts,
        "scope": None if result.scope is None else _scope_document(result.scope),
        "defaults": None if result.defaults is None else defaults_document(result.defaults),
        "checks": [_check_document(check) for check in result.checks],
        "findings": [
            {
                "name": finding.name,
                "dtype": finding.dtype,
                "message": finding.message,
                "numbers": {str(k): number(v) for k, v in finding.numbers.items()},
            }
            for finding in result.findings
        ],
        "horizon": [horizon_document(one) for one in result.horizons],
    }


def defaults_document(defaults: Defaults) -> dict[str, Any]:
    """What a target uses where nothing is passed, as JSON types."""
    document = defaults.document()
    return document | {"values": {n: number(value) for n, value in document["values"].items()}}


def _scope_document(scope: Scope) -> dict[str, Any]:
    return {
        "profile": scope.profile,
        "complete": scope.complete,
        "checks": list(scope.checks),
        "of": list(scope.of),
        "dtypes": list(scope.dtypes),
        "takes": list(scope.takes),
        "seeds": [int(seed) for seed in scope.seeds],
        "replayed": scope.replayed,
        "max_steps": scope.max_steps,
        "declared": plain(scope.declared.document()),
        "strict_interface": scope.strict_interface,
    }


def identification_document(found: Identification) -> dict[str, Any]:
    """An identification as JSON types."""
    return {
        "spec": found.spec,
        "kind": found.kind,
        "deviation": number(found.deviation),
        "unexplained": None if found.unexplained is None else number(found.unexplained),
        "near": found.near,
        "second": found.second,
        "second_deviation": number(found.second_deviation),
        "regime": found.regime,
        "candidates": [
            {"spec": spec, "deviation": number(deviation)} for spec, deviation in found.candidates
        ],
        "indistinguishable": list(found.indistinguishable),
        "edit": None if found.edit is None else _edit_document(found.edit),
        "also": [_edit_document(edit) for edit in found.also],
        "traits": None if found.traits is None else asdict(found.traits),
        "fixed": {name: [number(x) for x in numbers] for name, numbers in found.fixed.items()},
    }


def _edit_document(edit: InferredEdit) -> dict[str, Any]:
    def intervals(parameters: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
        return {name: [number(low), number(high)] for name, (low, high) in parameters.items()}

    return {
        "operator": edit.operator,
        "place": edit.place,
        "text": edit.text,
        "parameters": intervals(edit.parameters),
        "guard": edit.guard,
        "guard_parameters": intervals(edit.guard_parameters),
        "notation": edit.notation,
        "reach": intervals(edit.reach),
    }


def results_document(results: Sequence[Result]) -> dict[str, Any]:
    """The document of a whole run: the result itself for one target, a list of them for several."""
    if len(results) == 1:
        return result_document(results[0])
    return {
        "schema": SEVERAL,
        "adamcheck": __version__,
        "results": [result_document(result) for result in results],
    }


def dumps(document: Any) -> str:
    """JSON text, strict (no NaN literals), the same for the same document."""
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def load_results(path: Path) -> tuple[Result, ...]:
    """Read results back from a file; raises UsageError that says where it is damaged."""
    document = read_json(path)
    try:
        schema = document["schema"]
        parts = document["results"] if schema == SEVERAL else [document]
        return tuple(read_result(part) for part in parts)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{path}: damaged result: {reason(error)}") from None


def read_result(document: Any) -> Result:
    """Read one result; raises KeyError, TypeError or ValueError where it is damaged."""
    if document["schema"] != SCHEMA:
        raise ValueError(f"schema {document['schema']!r} is not {SCHEMA!r}")
    found, defaults = document["identified"], document.get("defaults")
    verdict, scope = Verdict(document["verdict"]), _read_scope(document.get("scope"))
    if verdict is Verdict.CONFORMS and scope is None:  # 0.1.0 said so of any part of the checks
        verdict = Verdict.HELD
    return Result(
        target=document["target"],
        spec=document["spec"],
        verdict=verdict,
        checks=tuple(_read_check(part) for part in document["checks"]),
        findings=tuple(
            Finding(
                name=part["name"],
                dtype=part["dtype"],
                message=part["message"],
                numbers={k: float(v) for k, v in part["numbers"].items()},
            )
            for part in document["findings"]
        ),
        identified=None if found is None else _read_identification(found),
        environment=dict(document["environment"]),
        seed=document["seed"],
        profile=document["profile"],
        adapter=document["adapter"],
        options=dict(document["options"]),
        error=document["error"],
        seconds=float(document["seconds"]),
        horizons=tuple(read_horizon(part) for part in document.get("horizon", ())),
        scope=scope,
        defaults=None if defaults is None else read_defaults(defaults),
    )


def _read_scope(document: Any) -> Scope | None:
    if document is None:
        return None
    return Scope(
        profile=document["profile"],
        replayed=document["replayed"],
        max_steps=document["max_steps"],
        seeds=tuple(int(seed) for seed in document["seeds"]),
        declared=read(document.get("declared", {}), "declared"),
        strict_interface=bool(document.get("strict_interface", False)),
        **{name: tuple(document[name]) for name in ("checks", "of", "dtypes", "takes")},
    )


def _check_document(check: CheckResult) -> dict[str, Any]:
    return {
        "name": check.name,
        "family": check.family,
        "theorem": check.theorem,
        "law": check.law,
        "status": check.status.value,
        "dtype": check.dtype,
        "device": check.device,
        "examples": int(check.examples),
        "undecided": int(check.undecided),
        "floor": number(check.floor),
        "message": check.message,
        "explanation": check.explanation,
        "seconds": number(check.seconds),
        "witness": None if check.witness is None else witness_document(check.witness),
    }


def _read_check(document: Any) -> CheckResult:
    witness = document["witness"]
    return CheckResult(
        status=Status(document["status"]),
        witness=None if witness is None else read_witness(witness),
        seconds=float(document["seconds"]),
        floor=float(document.get("floor", 0.0)),
        **{
            name: document[name]
            for name in (
                "name",
                "family",
                "theorem",
                "law",
                "dtype",
                "device",
                "examples",
                "undecided",
                "message",
                "explanation",
            )
        },
    )


def _read_identification(document: Any) -> Identification:
    unexplained = document.get("unexplained")  # since 0.2
    return Identification(
        spec=document["spec"],
        kind=document["kind"],
        deviation=float(document["deviation"]),
        unexplained=None if unexplained is None else float(unexplained),
        second=document["second"],
        second_deviation=float(document["second_deviation"]),
        regime=document["regime"],
        candidates=tuple(
            (part["spec"], float(part["deviation"])) for part in document["candidates"]
        ),
        indistinguishable=tuple(document["indistinguishable"]),
        edit=_read_edit(document["edit"]) if document.get("edit") else None,
        also=tuple(_read_edit(part) for part in document.get("also", ())),
        traits=Traits(**document["traits"]) if document.get("traits") else None,
        fixed={
            name: (float(value), float(low), float(high))
            for name, (value, low, high) in document.get("fixed", {}).items()
        },
    )


def _read_edit(document: Any) -> InferredEdit:
    def intervals(name: str) -> dict[str, tuple[float, float]]:
        known = document.get(name, {})
        return {key: (float(low), float(high)) for key, (low, high) in known.items()}

    return InferredEdit(
        operator=document["operator"],
        place=document["place"],
        text=document["text"],
        parameters=intervals("parameters"),
        guard=document["guard"],
        guard_parameters=intervals("guard_parameters"),
        notation=document.get("notation", ""),
        reach=intervals("reach"),
    )
