"""Planted defects of shape, layout and dtype: memory order, 0-d arrays, promotion."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

if (_tests := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(_tests)

from zoo.base import Array, Slot
from zoo.honest import Textbook
from zoo.record import FLOAT16, FLOAT32, NARROW, Cage, Defect

cage = Cage(__file__)


class _ReadsGradient(Textbook):
    """Reads the caller's gradient in another way than by its indices."""

    def read(self, g: Array, shape: tuple[int, ...]) -> Array:
        return g

    def advance(self, i: int, g: Array) -> None:
        super().advance(i, self.read(g, self.shapes[i]))


@cage.defect(
    "memory-order",
    "the gradient is walked in memory order",
    shows="layout",
    row="bitsandbytes#1185, #1187",
)
class MemoryOrder(_ReadsGradient):
    def read(self, g: Array, shape: tuple[int, ...]) -> Array:
        return g.ravel(order="K")


@cage.defect(
    "fortran-misread", "a Fortran-ordered gradient is read as if it were C-ordered", shows="layout"
)
class FortranMisread(_ReadsGradient):
    def read(self, g: Array, shape: tuple[int, ...]) -> Array:
        return g.ravel(order="F") if g.flags.f_contiguous else g


@cage.defect(
    "parameter-memory-order",
    "a parameter is walked in memory order, its gradient is not",
    shows="layout",
)
class ParameterMemoryOrder(Textbook):
    def setup(self, params: Any, **hyper: Any) -> None:
        if isinstance(params, list):
            params = [p.ravel(order="K").reshape(p.shape) for p in params]
        super().setup(params, **hyper)


@cage.defect("negative-stride-ignored", "a reversed gradient is read forwards", shows="layout")
class NegativeStrideIgnored(_ReadsGradient):
    def read(self, g: Array, shape: tuple[int, ...]) -> Array:
        forward = tuple(slice(None, None, -1 if s < 0 else 1) for s in g.strides)
        return g[forward]


@cage.defect(
    "stride-ignored",
    "every second element: the stride of the last axis is taken as one",
    shows="layout",
)
class StrideIgnored(_ReadsGradient):
    def read(self, g: Array, shape: tuple[int, ...]) -> Array:
        if g.ndim and g.size and g.strides[-1] > g.itemsize and not g.flags.f_contiguous:
            strides = (*g.strides[:-1], g.itemsize)
            return np.lib.stride_tricks.as_strided(g, g.shape, strides, writeable=False)
        return g


@cage.defect("transposed-result", "a square parameter comes back transposed", shows="square")
class TransposedResult(Textbook):
    def shown(self, i: int) -> Array:
        shown = super().shown(i)
        return shown.T if shown.ndim == 2 and shown.shape[0] == shown.shape[1] else shown


class _Shows(Textbook):
    def show(self, theta: Array) -> Any:
        return theta

    def shown(self, i: int) -> Any:
        return self.show(super().shown(i))


@cage.defect("zero-d-as-scalar", "a 0-d parameter comes back as a NumPy scalar", shows="shapes")
class ZeroDAsScalar(_Shows):
    def show(self, theta: Array) -> Any:
        return theta[()]


@cage.defect("zero-d-as-vector", "a 0-d parameter comes back with one dimension", shows="shapes")
class ZeroDAsVector(_Shows):
    def show(self, theta: Array) -> Any:
        return np.atleast_1d(theta)


@cage.defect(
    "zero-d-promoted",
    "a 0-d parameter comes back as float64",
    shows="shapes",
    dtypes=NARROW,
    row="Lasagne/Lasagne#363, mitsuba-renderer/drjit#411",
)
class ZeroDPromoted(_Shows):
    def show(self, theta: Array) -> Any:
        return theta if theta.ndim else np.asarray(theta, np.float64)


@cage.defect("promoted-to-float64", "θ comes back as float64", dtypes=NARROW)
class PromotedToFloat64(_Shows):
    def show(self, theta: Array) -> Any:
        return theta.astype(np.float64)


@cage.defect(
    "half-promoted-to-float32", "a 16-bit θ comes back as float32", dtypes=(FLOAT16, "bfloat16")
)
class HalfPromoted(_Shows):
    def show(self, theta: Array) -> Any:
        return theta.astype(np.float32) if theta.dtype.itemsize == 2 else theta


@cage.defect("demoted-to-float32", "a float64 θ comes back as float32", dtypes=("float64",))
class DemotedToFloat32(_Shows):
    def show(self, theta: Array) -> Any:
        return theta.astype(np.float32) if theta.dtype == np.float64 else theta


@cage.defect("flattened", "θ comes back with one dimension")
class Flattened(_Shows):
    def show(self, theta: Array) -> Any:
        return theta.reshape(-1) if theta.ndim > 1 else theta


@cage.defect("squeezed", "axes of length one are dropped", shows="shapes")
class Squeezed(_Shows):
    def show(self, theta: Array) -> Any:
        return theta.squeeze() if theta.ndim > 1 else theta


@cage.defect("empty-crashes", "a parameter without elements raises", shows="shapes")
class EmptyCrashes(_ReadsGradient):
    def read(self, g: Array, shape: tuple[int, ...]) -> Array:
        g.max()
        return g


@cage.defect(
    "last-axis-mixed", "of three axes the last two are exchanged in the gradient", shows="shapes"
)
class LastAxisMixed(_ReadsGradient):
    def read(self, g: Array, shape: tuple[int, ...]) -> Array:
        return g.swapaxes(-1, -2) if g.ndim > 2 else g


@cage.defect(
    "sign-lost-in-first-row",
    "float32 matrices: the first row loses its signs",
    shows="layout",
    dtypes=(FLOAT32,),
)
class SignLostInFirstRow(_ReadsGradient):
    def read(self, g: Array, shape: tuple[int, ...]) -> Array:
        if g.ndim != 2 or g.dtype != np.float32:
            return g
        g = g.copy()
        g[0] = np.abs(g[0])
        return g


@cage.defect(
    "layout-strided-vector",
    "of a vector that is not contiguous only the first eight elements are read with its stride",
    shows="memory",
)
class StridedVector(_ReadsGradient):
    def read(self, g: Array, shape: tuple[int, ...]) -> Array:
        if g.ndim == 1 and g.size > 8 and g.strides[0] != g.itemsize:
            g = g.copy()
            g[8:] = g[7]
        return g


@cage.defect(
    "layout-tiles-of-16",
    "a Fortran-ordered matrix is copied in tiles, and beyond the first one in the wrong order",
    shows="memory",
)
class TilesOf16(_ReadsGradient):
    def read(self, g: Array, shape: tuple[int, ...]) -> Array:
        if g.ndim == 2 and min(g.shape) > 16 and g.flags.f_contiguous:
            g = g.copy()
            g[16:, 16:] = g[16:, 16:][::-1].copy()
        return g


@cage.defect(
    "layout-channels-last", "four axes that are not in C order are walked in memory", shows="memory"
)
class ChannelsLast(_ReadsGradient):
    def read(self, g: Array, shape: tuple[int, ...]) -> Array:
        return g if g.ndim != 4 or g.flags.c_contiguous else g.ravel(order="K")


@cage.defect(
    "layout-of-first-gradient",
    "the first gradient's memory order is taken for that of all",
    shows="memory",
)
class LayoutOfFirstGradient(_ReadsGradient):
    def read(self, g: Array, shape: tuple[int, ...]) -> Array:
        order = "C" if g.flags.c_contiguous or not g.flags.f_contiguous else "F"
        first = self.__dict__.setdefault("order", order)
        return g if order == first else g.ravel(order="K")


@cage.defect(
    "layout-expanded-read-once",
    "of an axis with stride zero only the first element gets its gradient",
    shows="memory",
)
class ExpandedReadOnce(_ReadsGradient):
    def read(self, g: Array, shape: tuple[int, ...]) -> Array:
        if g.size < 2 or 0 not in g.strides:
            return g
        once = np.zeros_like(g, order="C")
        first = tuple(slice(1 if stride == 0 else None) for stride in g.strides)
        once[first] = g[first]
        return once


@cage.defect(
    "gradient-kept-squared",
    "g² is kept for the array that g came in: a buffer that is filled again gives the old one",
    shows="buffers",
)
class GradientKeptSquared(Textbook):
    def advance(self, i: int, g: Array) -> None:
        kept = self.slots[i].extra.get("square", (None, None))
        where = g.__array_interface__["data"][0]
        if kept[0] != where:
            kept = where, self.flat(g, g.dtype) ** 2
        self.slots[i].extra["square"] = kept
        super().advance(i, g)

    def kernel(self, theta: Array, g: Array, slot: Slot) -> Array:
        self.square = slot.extra["square"][1]
        return super().kernel(theta, g, slot)

    def second(self, v: Array, g: Array, slot: Slot, c: Any) -> Array:
        return c(self.beta2) * v + c(1 - self.beta2) * self.square


DEFECTS: tuple[Defect, ...] = tuple(cage.records)
