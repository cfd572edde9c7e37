"""Runs a Trajectory on a bound target inside the child, and writes every step to the board.

Only the target's own calls stand in ``try``: an error of adamcheck must not look like theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.problems import build
from adamcheck.targets.adapters.base import Bound, Instance, ProtocolError, to_numpy
from adamcheck.targets.board import MOMENTS, STEPPING, Board
from adamcheck.targets.layouts import laid_out, laid_out_steps
from adamcheck.targets.loading import said, where
from adamcheck.targets.protocol import Failure, Trajectory

# below this many bytes one comparison of bytes is faster than one of arrays
_FEW_BYTES: Final = 4096


class Stopped(Exception):
    """The run ends here, with what is known so far."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Drive:
    """One run: ``go`` returns how it ended; ``broken`` holds the laws that were seen broken."""

    def __init__(self, bound: Bound, request: Trajectory, board: Board) -> None:
        self._bound = bound
        self._request = request
        self._board = board
        self.broken: dict[str, int] = {}
        for values, row in zip(request.theta0, board.thetas, strict=True):
            row[0, ...] = values

    def go(self) -> Failure | None:
        """Run to the end or to the first failure."""
        try:
            if self._bound.run is not None:
                self._run_whole()
            else:
                self._run_steps()
        except Stopped as stop:
            return stop.failure
        return None

    def _run_steps(self) -> None:
        request, board = self._request, self._board
        grads = [laid_out_steps(g, request.grad_layout) for g in request.grads]
        loop = None if request.problem is None else _Loop(request, board)
        pristine = [_Pristine(g) for g in (request.grads if loop is None else board.grads)]
        lrs = None if request.lrs is None else request.lrs.tolist()
        instance = self._build(request.theta0, self._hyper_at(0))
        if request.preload is not None:
            self._attempt(0, instance.load_moments, _copied(request.preload))
        other = _Twin(self, request) if request.twin else None
        if request.reload_after == 0:
            instance = self._reloaded(instance, 0)
        board.head[1] = STEPPING
        step = instance.step
        present = None if request.present is None else request.present.tolist()
        for t in range(request.steps):
            if other is not None:
                other.step(t)
            if lrs is not None and t and lrs[t] != lrs[t - 1]:
                instance = self._paced(instance, t)
                step = instance.step
            if loop is not None:
                grads[0][t, ...] = loop.gradient(t)
            given: list[NDArray[Any] | None] = [g[t, ...] for g in grads]
            if present is not None:
                given = [g if p else None for g, p in zip(given, present[t], strict=True)]
            kept = given.copy()
            try:
                thetas = step(given)
            except BaseException as error:
                raise Stopped(failure_of(error, t + 1)) from None
            self._record(thetas, t + 1)
            if request.moments:
                self._record_moments(instance, t)
            for index, grad in enumerate(kept):
                if grad is not None:
                    if pristine[index].differs(grad, t):
                        self.broken.setdefault("gradient-changed", t + 1)
                    if request.scramble:
                        grad.fill(np.nan)
            board.head[0] = t + 1
            if request.reload_after == t + 1:
                instance = self._reloaded(instance, t + 1)
                step = instance.step

    def _run_whole(self) -> None:
        request, board = self._request, self._board
        run = self._bound.run
        assert run is not None
        grads = laid_out_steps(request.grads[0], request.grad_layout)
        if request.twin:
            theta, other = _others(request.theta0[0], request.grads[0])
            self._attempt(0, run, theta, other, request.hyper, request.flags, _ignore)
        theta = laid_out(request.theta0[0], request.theta_layout)
        board.head[1] = STEPPING

        def publish(step: int, value: Any) -> None:
            self._record([value], step)
            board.head[0] = step

        try:
            run(theta, grads, request.hyper, request.flags, publish)
        except Stopped:
            raise
        except BaseException as error:
            raise Stopped(failure_of(error, board.finished() + 1)) from None
        pristine = _Pristine(request.grads[0])
        changed = (t for t in range(request.steps) if pristine.differs(grads[t, ...], t))
        if (first := next(changed, None)) is not None:
            self.broken["gradient-changed"] = first + 1

    def _build(self, thetas: Sequence[NDArray[Any]], hyper: Mapping[str, float]) -> Instance:
        layout = self._request.theta_layout
        arrays = [laid_out(theta, layout) for theta in thetas]
        build = self._bound.build
        built: Instance = self._attempt(0, build, arrays, hyper, self._request.flags)
        return built

    def _reloaded(self, instance: Instance, step: int) -> Instance:
        request = self._request
        saved = self._attempt(step, instance.save)
        hyper = request.hyper if request.reload_hyper is None else request.reload_hyper
        fresh = self._build([row[step, ...] for row in self._board.thetas], hyper)
        self._attempt(step, fresh.load, saved)
        return fresh

    def _hyper_at(self, t: int) -> Mapping[str, float]:
        lrs, hyper = self._request.lrs, self._request.hyper
        return hyper if lrs is None or not len(lrs) else {**hyper, "lr": float(lrs[t])}

    def _paced(self, instance: Instance, t: int) -> Instance:
        """An instance with the next step's α that goes on from the moments of the one before."""
        kept = _copied(self._attempt(t + 1, instance.moments))
        fresh = self._build([row[t, ...] for row in self._board.thetas], self._hyper_at(t))
        self._attempt(t + 1, fresh.load_moments, kept)
        return fresh

    def _attempt(self, step: int, call: Any, *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except BaseException as error:
            raise Stopped(failure_of(error, step)) from None

    def _record(self, thetas: Any, step: int) -> None:
        plan, rows = self._board.plan, self._board.thetas
        try:
            if len(thetas) != len(rows):
                self.broken.setdefault("parameter-count", step)
                raise ProtocolError(f"returned {len(thetas)} parameters instead of {len(rows)}")
            for row, shape, dtype, theta in zip(
                rows, plan.shapes, plan.dtypes, thetas, strict=True
            ):
                if type(theta) is np.ndarray and theta.dtype is dtype and theta.shape == shape:
                    row[step] = theta
                else:
                    self._record_irregular(row, shape, dtype, theta, step)
        except (ProtocolError, TypeError) as error:
            raise Stopped(failure_of(_as_protocol(error), step)) from None

    def _record_irregular(
        self,
        row: NDArray[Any],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        theta: Any,
        step: int,
    ) -> None:
        array = to_numpy(theta)
        if array.dtype != dtype:
            self.broken.setdefault("dtype", step)
        if array.shape != shape:
            self.broken.setdefault("shape", step)
            if array.size != row[step].size:
                raise ProtocolError(
                    f"returned a parameter of shape {array.shape} instead of {shape}"
                )
            array = array.reshape(shape)
        if array.dtype.kind not in "fiubV":
            raise ProtocolError(f"returned a parameter of dtype {array.dtype} instead of {dtype}")
        with np.errstate(all="ignore"):
            row[step] = array.astype(dtype)

    def _record_moments(self, instance: Instance, t: int) -> None:
        board = self._board
        shown = self._attempt(t + 1, instance.moments)
        try:
            if len(shown) != len(board.moments):
                raise ProtocolError(f"moments() gave {len(shown)} entries")
            for index, (rows, each) in enumerate(zip(board.moments, shown, strict=True)):
                arrays = {k: to_numpy(each[k]) for k in MOMENTS if k in each}
                for name, array in arrays.items():
                    rows[name][t, ...] = array
                    board.note_dtype(index, name, array.dtype)
                rows["t"][t] = int(each["t"])
        except (ProtocolError, KeyError, TypeError, ValueError, OverflowError) as error:
            error = _as_protocol(error, "moments(): ")
            raise Stopped(failure_of(error, t + 1)) from None
        board.head[2] = t + 1


class _Loop:
    """The gradients of a problem at the target's own parameter, recorded on the board."""

    def __init__(self, request: Trajectory, board: Board) -> None:
        assert request.problem is not None
        self._gradient = build(request.problem).gradient
        self._noise = request.grads[0] if request.grads[0].any() else None
        self._thetas, self._record = board.thetas[0], board.grads[0]

    def gradient(self, t: int) -> NDArray[Any]:
        """The gradient of step t (from 0), rounded to the target's format."""
        theta, record = self._thetas[t, ...], self._record[t, ...]
        with np.errstate(all="ignore"):
            exact = self._gradient(t + 1, theta.reshape(-1).astype(np.float64))
            if self._noise is not None:
                exact = exact + self._noise[t].reshape(-1).astype(np.float64)
            record[...] = exact.reshape(theta.shape)
        return record


class _Pristine:
    """The bits of all gradients of one parameter as they were sent."""

    def __init__(self, grads: NDArray[Any]) -> None:
        whole = np.ascontiguousarray(grads)
        self._unsigned = np.dtype(f"u{whole.itemsize}")
        self._bits = whole.view(self._unsigned)
        self._raw = whole.reshape(-1).view(np.uint8).data
        self._each = whole.nbytes // len(whole) if len(whole) else 0

    def differs(self, grad: NDArray[Any], t: int) -> bool:
        """Whether the gradient of step t (from 0) has other bits than it was sent with."""
        if self._each <= _FEW_BYTES:
            return grad.tobytes() != self._raw[t * self._each : (t + 1) * self._each]
        return bool((grad.view(self._unsigned) != self._bits[t, ...]).any())


class _Twin:
    """A second instance that is stepped in between: state shared with the first one shows."""

    def __init__(self, drive: Drive, request: Trajectory) -> None:
        self._drive = drive
        pairs = [_others(*each) for each in zip(request.theta0, request.grads, strict=True)]
        self._grads = [grads for _, grads in pairs]
        # another rate too: hyperparameters may be what is shared
        hyper = {name: x / 2.0 if name == "lr" else x for name, x in request.hyper.items()}
        self._instance = drive._build([theta for theta, _ in pairs], hyper)

    def step(self, t: int) -> None:
        """One step with other gradients."""
        given = [grads[t, ...].copy() for grads in self._grads]
        self._drive._attempt(t + 1, self._instance.step, given)


def failure_of(error: BaseException, step: int) -> Failure:
    """What an exception of the target means."""
    name = type(error).__name__
    text = said(error)
    if isinstance(error, ProtocolError):
        return Failure("protocol", text, step)
    if isinstance(error, SystemExit):
        return Failure("exited", f"called sys.exit({error.code!r}){where(error)}", step, name)
    kind = "memory" if isinstance(error, MemoryError) else "raised"
    return Failure(kind, f"{name}: {text}{where(error)}" if text else name, step, name)


def _as_protocol(error: Exception, prefix: str = "") -> ProtocolError:
    return error if isinstance(error, ProtocolError) else ProtocolError(f"{prefix}{said(error)}")


def _others(theta: NDArray[Any], grads: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Unlike parameters and gradients of the same shapes and dtypes, finite whatever they are."""
    signs = np.where(np.arange(len(grads)) % 3 == 0, -1.5, 0.75)
    other = np.empty_like(grads)
    other[...] = signs.reshape(-1, *(1,) * (grads.ndim - 1)).astype(grads.dtype)
    return np.full_like(theta, 2.5), other


def _copied(preload: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{k: int(x) if k == "t" else np.array(x) for k, x in e.items()} for e in preload]


def _ignore(step: int, value: Any) -> None:
    """The twin's results are nobody's."""
