"""What the zoo says about each of its animals: an honest order, or a planted defect.

A record names the target as a string that the package can load, the spec it claims, and when the
defect shows; tests over the registry read nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

FLOAT64, FLOAT32, FLOAT16, BFLOAT16 = "float64", "float32", "float16", "bfloat16"
ALL: Final = (FLOAT64, FLOAT32, FLOAT16, BFLOAT16)
NARROW: Final = (FLOAT32, FLOAT16, BFLOAT16)
WIDE: Final = (FLOAT64, FLOAT32)
HALF: Final = (FLOAT16, BFLOAT16)

Target = TypeVar("Target", bound=Callable[..., Any])


@dataclass(frozen=True)
class Honest:
    """One admissible evaluation order of ``spec``, with the options that switch the spec on.

    ``scalars`` is the precision in which it forms β, 1-β and β^t: "float64" or "array". What is
    formed in float64 may still be rounded once, to the array's dtype, where it meets the array.
    """

    name: str
    file: str
    attr: str
    spec: str
    dtypes: tuple[str, ...] = ALL
    scalars: str = "float64"
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """``path:attribute``, the path relative to the repository."""
        return f"{self.file}:{self.attr}"


@dataclass(frozen=True)
class Defect:
    """One planted defect: it claims ``claims`` and is not that.

    ``twin`` is the target, without the defect, that it was made from; ``shows`` is the scenario
    (tests/zoo/scenarios) in which the two differ, in each of ``dtypes`` and in no other dtype.
    ``row`` names the public threads of the class. Tags: "dialect" (a faithful implementation of
    another spec), "convention" (defensible, to be named), "report-only" (no gate), "subtle" (near
    the rounding bound), and the family first. It is caught when it is caught in one of its dtypes:
    in the narrowest it may hide in rounding. ``profile`` is the first in which it must be caught.
    """

    name: str
    file: str
    attr: str
    twin: str
    why: str
    shows: str = "short"
    claims: str = "adam"
    row: str = ""
    dtypes: tuple[str, ...] = ALL
    options: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    profile: str = "quick"

    @property
    def target(self) -> str:
        """``path:attribute``, the path relative to the repository."""
        return f"{self.file}:{self.attr}"


Record: TypeAlias = Honest | Defect


def path_in_repository(file: str) -> str:
    """The path of a zoo module as a target string writes it."""
    path = Path(file).resolve()
    return path.relative_to(Path(__file__).resolve().parents[2]).as_posix()


@dataclass
class Cage:
    """Collects the records of one module, in the order in which they are written."""

    file: str
    records: list[Any] = field(default_factory=list)
    family: str = ""

    def honest(self, name: str, spec: str = "adam", **rest: Any) -> Callable[[Target], Target]:
        """Register the decorated target as an honest order."""
        where = path_in_repository(self.file)

        def register(target: Target) -> Target:
            record = Honest(name, where, target.__name__, spec, **rest)
            self.records.append(record)
            target.zoo_target = record.target  # type: ignore[attr-defined]
            return target

        return register

    def defect(self, name: str, why: str, **rest: Any) -> Callable[[Target], Target]:
        """Register the decorated target as a planted defect of this module's family."""
        where = path_in_repository(self.file)
        tags = (self.family or Path(self.file).stem, *rest.pop("tags", ()))
        given = rest.pop("twin", None)

        def register(target: Target) -> Target:
            twin = given.zoo_target if given else _twin(target)
            self.records.append(Defect(name, where, target.__name__, twin, why, tags=tags, **rest))
            return target

        return register


def _twin(target: Any) -> str:
    """The honest class that a defective class changes: the nearest honest one of its bases."""
    for base in target.__mro__[1:]:
        if "zoo_target" in vars(base):
            return str(vars(base)["zoo_target"])
    raise ValueError(f"{target.__name__}: give twin=, no base of it is an honest class")
