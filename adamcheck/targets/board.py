"""The memory that session and child share: progress, and every value as soon as it is known.

Whatever kills the child, the steps that it finished stay readable here.
"""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import FORMATS

MOMENTS: Final = ("m", "v", "v_max", "velocity")
# a code is one more than the place in this list; 0 means that the target never gave the moment
_DTYPES: Final = tuple(fmt.dtype for fmt in FORMATS.values())
_ALIGN: Final = 64
_HEAD: Final = 64
BUILDING, STEPPING = 0, 1


@dataclass(frozen=True)
class Plan:
    """What a run will write; both sides derive the same offsets from it.

    ``gradients``: the gradients that a closed loop hands over are recorded too.
    """

    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[np.dtype[Any], ...]
    steps: int
    moments: bool
    gradients: bool = False

    @classmethod
    def of(
        cls,
        theta0: Sequence[NDArray[Any]],
        steps: int,
        *,
        moments: bool,
        gradients: bool = False,
    ) -> Plan:
        """The plan of a run from its initial parameters."""
        shapes, dtypes = tuple(a.shape for a in theta0), tuple(a.dtype for a in theta0)
        return cls(shapes, dtypes, steps, moments, gradients)


class Board:
    """The shared memory of one run, seen as arrays.

    ``thetas[p]`` is ``[T+1, *shape]``. ``moments[p]`` maps MOMENTS to float64 ``[T, *shape]``
    (wide enough to be exact for every format) and t to int64 ``[T]``. ``grads[p]`` is
    ``[T, *shape]`` where the plan records gradients.
    """

    def __init__(self, descriptor: int, plan: Plan, *, create: bool) -> None:
        self.plan = plan
        parameters = len(plan.shapes)
        offset = _aligned(_HEAD + 8 * len(MOMENTS) * parameters)
        blocks: list[tuple[int, tuple[int, ...], np.dtype[Any]]] = []
        for shape, dtype in zip(plan.shapes, plan.dtypes, strict=True):
            wanted = [((plan.steps + 1, *shape), dtype)]
            if plan.moments:
                wide = ((plan.steps, *shape), np.dtype(np.float64))
                wanted += [wide] * len(MOMENTS) + [((plan.steps,), np.dtype(np.int64))]
            if plan.gradients:
                wanted.append(((plan.steps, *shape), dtype))
            for whole, kind in wanted:
                blocks.append((offset, whole, kind))
                offset = _aligned(offset + math.prod(whole) * kind.itemsize)
        self.size = offset
        if create and os.fstat(descriptor).st_size < offset:
            os.ftruncate(descriptor, offset)
        self._memory = mmap.mmap(descriptor, offset)
        # [0]: steps finished; [1]: phase; [2]: steps whose moments are written
        self.head = memoryview(self._memory)[:_HEAD].cast("q")
        self._codes = np.frombuffer(
            self._memory, np.int64, len(MOMENTS) * parameters, _HEAD
        ).reshape(parameters, len(MOMENTS))
        arrays = [
            np.frombuffer(self._memory, dtype, math.prod(shape), at).reshape(shape)
            for at, shape, dtype in blocks
        ]
        if create:
            for index in range(len(self.head)):
                self.head[index] = 0
            self._codes[...] = 0
        shown = (*MOMENTS, "t") if plan.moments else ()
        each = 1 + len(shown) + plan.gradients
        self.thetas = arrays[::each]
        self.moments = [
            dict(zip(shown, arrays[p * each + 1 : p * each + 1 + len(shown)], strict=True))
            for p in range(parameters if plan.moments else 0)
        ]
        self.grads = arrays[each - 1 :: each] if plan.gradients else []

    def note_dtype(self, parameter: int, name: str, dtype: np.dtype[Any]) -> None:
        """Remember in which format the target keeps a moment; ValueError for an unknown one."""
        if dtype not in _DTYPES:
            known = ", ".join(str(one) for one in _DTYPES)
            raise ValueError(f"moment {name} has dtype {dtype}; a moment is kept in {known}")
        self._codes[parameter, MOMENTS.index(name)] = 1 + _DTYPES.index(dtype)

    def finished(self) -> int:
        """How many steps have been finished."""
        return min(max(self.head[0], 0), self.plan.steps)

    def stepping(self) -> bool:
        """Whether the target was built and is being stepped."""
        return self.head[1] == STEPPING

    def copied_thetas(self) -> tuple[NDArray[Any], ...]:
        """Own copies of the parameters after every finished step, the initial value first."""
        return tuple(np.array(a[: self.finished() + 1]) for a in self.thetas)

    def copied_moments(self) -> tuple[dict[str, NDArray[Any]], ...]:
        """Own copies of the moments after every finished step, in the target's own formats."""
        rows = min(max(self.head[2], 0), self.finished())
        result = []
        for codes, arrays in zip(self._codes, self.moments, strict=True):
            known = {
                name: _DTYPES[code - 1]
                for name, code in zip(MOMENTS, codes.tolist(), strict=True)
                if 0 < code <= len(_DTYPES)
            }
            own = {name: arrays[name][:rows].astype(dtype) for name, dtype in known.items()}
            result.append(own | {"t": np.array(arrays["t"][:rows])})
        return tuple(result)

    def copied_grads(self) -> tuple[NDArray[Any], ...]:
        """Own copies of the gradients of every finished step."""
        return tuple(np.array(a[: self.finished()]) for a in self.grads)

    def close(self) -> None:
        """Let go of the memory."""
        self.head.release()
        self.thetas, self.moments, self.grads = [], [], []
        del self._codes
        # where somebody still looks at it, it goes when they do
        with suppress(BufferError):
            self._memory.close()


def new_descriptor() -> int:
    """An anonymous file that a child can inherit and both can map."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("adamcheck")
    import tempfile  # slow to import, and needed on few systems

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _aligned(offset: int) -> int:
    return offset + (-offset % _ALIGN)
