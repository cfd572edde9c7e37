"""Short drives that show what a target does, as comparable values: bits, shapes, exceptions.

Each planted defect names the scenario that shows it; test_zoo.py drives it and its honest twin.
"""

from __future__ import annotations

from typing import Final

from . import arrays, late, life, values
from .driving import DTYPES, Scenario

__all__ = ["DTYPES", "SCENARIOS"]

SCENARIOS: Final[dict[str, Scenario]] = {
    f.__name__: f
    for f in (
        values.short,
        values.shrinking,
        values.away,
        values.far,
        values.rounded,
        values.wild,
        values.extremal,
        values.subnormal,
        values.nonfinite,
        values.zeros,
        values.edges,
        values.ones,
        values.dyadic,
        values.faint,
        late.long,
        late.slow_m,
        late.long_tail,
        late.longer,
        late.silence,
        late.long_silence,
        late.late_spike,
        late.later_spike,
        arrays.layout,
        arrays.shapes,
        arrays.square,
        arrays.same_shapes,
        arrays.equal_parameters,
        arrays.mixed,
        arrays.big_and_long,
        arrays.big,
        arrays.blocks,
        arrays.vectors,
        arrays.many,
        arrays.memory,
        life.late_first,
        life.late,
        life.state,
        life.buffers,
        life.instances,
        life.checkpoints,
        life.apart,
        life.repeat,
        life.reject_decay,
        life.reject,
    )
}
