"""The planted defects, one module for each class of defect."""

from __future__ import annotations

from ..record import Defect
from . import (
    bias,
    buffers,
    counter,
    epsilon,
    family,
    kernel,
    layout,
    options,
    precision,
    rare,
    scalars,
    schedule,
    state,
    validation,
    values,
)

DEFECTS: tuple[Defect, ...] = (
    *counter.DEFECTS,
    *bias.DEFECTS,
    *epsilon.DEFECTS,
    *options.DEFECTS,
    *scalars.DEFECTS,
    *precision.DEFECTS,
    *family.DEFECTS,
    *schedule.DEFECTS,
    *kernel.DEFECTS,
    *layout.DEFECTS,
    *buffers.DEFECTS,
    *state.DEFECTS,
    *values.DEFECTS,
    *validation.DEFECTS,
    *rare.DEFECTS,
)
