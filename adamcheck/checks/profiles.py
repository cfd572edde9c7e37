"""How much a run of the gate looks at: quick and ci are deterministic, thorough is random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adamcheck.errors import UsageError, closest


@dataclass(frozen=True)
class Profile:
    """Sizes of the runs. ``patience`` is how many seconds one dtype may take before optional long
    runs are cut to what fits; ``fuzz`` the number of Hypothesis examples."""

    name: str
    steps: int
    repeat: int
    long_steps: int
    wide: int
    fuzz: int
    patience: float


PROFILES: Final[dict[str, Profile]] = {
    "quick": Profile("quick", 48, 1, 8300, 65_539, 8, 60.0),
    "ci": Profile("ci", 96, 3, 12_400, 131_101, 120, 300.0),
    "thorough": Profile("thorough", 256, 8, 20_000, 1_048_583, 1500, 3600.0),
}


def profile_named(name: str) -> Profile:
    """Look a profile up; raise UsageError with the closest name."""
    if name not in PROFILES:
        raise UsageError(
            f"unknown profile {name!r}; known are {', '.join(PROFILES)}.{closest(name, PROFILES)}"
        )
    return PROFILES[name]
