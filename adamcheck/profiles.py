"""How much a run of the gate looks at: quick and ci are deterministic, thorough is random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adamcheck.errors import UsageError, closest
from adamcheck.formats import Format

_COUNTED: Final = 2**11 + 2**5
"""Steps that pass the last whole number a 16-bit format counts to, 2^11 in float16."""


@dataclass(frozen=True)
class Profile:
    """Sizes of the runs, and how far checks draw theirs: every range ends at the profile's horizon.

    Sizes are steps and elements and never seconds, so that the same version and seed look at the
    same on every machine.
    steps, repeat: of batteries of gradient laws. fuzz: number of Hypothesis examples.
    The horizon: long_steps of a run, slow_steps of one whose averages forget slowly; silence and
    late_start, most zero gradients in a row; spike, steps of a run about spikes; option_steps with
    an option on; wide, elements of an array; area, elements times steps of a wide run; parameters
    in a list; loaded, largest step count; crowd, elements of a long run; hypers, drawn choices of
    hyperparameters.
    """

    name: str
    steps: int
    repeat: int
    fuzz: int
    long_steps: int
    slow_steps: int
    silence: int
    late_start: int
    spike: int
    option_steps: int
    wide: int
    area: int
    parameters: int
    loaded: int
    crowd: int
    hypers: int

    def late(self, steps: int, fmt: Format) -> int:
        """So many steps of a long run, or a quarter of them where the format has few digits.

        θ has soon outgrown its updates there, so that late steps decide little; what is special to
        such a format, a counter kept in it, ends at 2^8 or 2^11 and is passed.
        """
        return min(steps, max(steps // 4, _COUNTED)) if fmt.narrow else steps


PROFILES: Final[dict[str, Profile]] = {
    "quick": Profile(
        "quick",
        steps=48,
        repeat=1,
        fuzz=8,
        long_steps=8_300,
        slow_steps=4_150,
        silence=2_000,
        late_start=1_000,
        spike=600,
        option_steps=2_000,
        wide=65_539,
        area=1 << 17,
        parameters=250,
        loaded=1 << 17,
        crowd=96,
        hypers=12,
    ),
    "ci": Profile(
        "ci",
        steps=96,
        repeat=3,
        fuzz=120,
        long_steps=12_400,
        slow_steps=12_400,
        silence=5_000,
        late_start=4_000,
        spike=2_000,
        option_steps=6_000,
        wide=131_101,
        area=1 << 19,
        parameters=1_000,
        loaded=1 << 20,
        crowd=192,
        hypers=48,
    ),
    "thorough": Profile(
        "thorough",
        steps=256,
        repeat=8,
        fuzz=1500,
        long_steps=20_000,
        slow_steps=20_000,
        silence=10_000,
        late_start=10_000,
        spike=8_000,
        option_steps=20_000,
        wide=1_048_583,
        area=1 << 22,
        parameters=2_000,
        loaded=1 << 20,
        crowd=384,
        hypers=256,
    ),
}


def profile_named(name: str) -> Profile:
    """Look a profile up; raise UsageError with the closest name."""
    if name not in PROFILES:
        raise UsageError(
            f"unknown profile {name!r}; known are {', '.join(PROFILES)}.{closest(name, PROFILES)}"
        )
    return PROFILES[name]
