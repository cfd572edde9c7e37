"""Runs a Trajectory on a bound target inside the child, and writes every step to the board.

Only the target's own calls stand in ``try``: an error of adamcheck must not look like theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import FORMATS
from adamcheck.problems import build
from adamcheck.targets.adapters.base import Bound, Conducting, Instance, ProtocolError, to_numpy
from adamcheck.targets.board import MOMENTS, STEPPING, Board
from adamcheck.targets.layouts import empty_steps, laid_out, laid_out_steps
from adamcheck.targets.loading import said, where
from adamcheck.targets.protocol import Failure, Trajectory

# below this many bytes one comparison of bytes is faster than one of arrays
_FEW_BYTES: Final = 4096
# steps that an instance has taken before it loads the state of another one
_USES: Final = 3


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
        plan = board.plan
        self._rows = list(zip(board.thetas, plan.shapes, plan.dtypes, strict=True))
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
        grads = _Gradients(request)
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
        step = self._call(instance)
        present = None if request.present is None else request.present.tolist()
        for t in range(request.steps):
            if other is not None:
                other.step(t)
            if lrs is not None and t and lrs[t] != lrs[t - 1] and request.pace != "scheduled":
                instance = self._paced(instance, t)
                step = self._call(instance)
            all_given = grads.of(t)
            if loop is not None:
                all_given[0][...] = loop.gradient(t)
            given: list[NDArray[Any] | None] = list(all_given)
            if present is not None:
                given = [g if p else None for g, p in zip(given, present[t], strict=True)]
            kept = given.copy()
            try:
                thetas = step(given)
            except BaseException as error:
                raise Stopped(failure_of(error, t + 1)) from None
            if other is not None:  # what was returned stays readable until the own next step
                other.step(t)
            self._record(thetas, t + 1)
            if request.moments:
                self._record_moments(instance, t)
            for index, grad in enumerate(kept):
                if grad is not None:
                    if pristine[index].differs(grad, t):
                        self.broken.setdefault("gradient-changed", t + 1)
                    if request.scramble and grad.flags.writeable:
                        grad.fill(np.nan)
            board.head[0] = t + 1
            if request.reload_after == t + 1:
                instance = self._reloaded(instance, t + 1)
                step = self._call(instance)

    def _run_whole(self) -> None:
        request, board = self._request, self._board
        run = self._bound.run
        assert run is not None
        grads = laid_out_steps(request.grads[0], request.grad_layout.partition("/")[0])
        if request.twin:
            for shape in (request.theta0[0].shape, _grown(request.theta0[0].shape)):
                theta, other = _others(request.theta0[0], request.grads[0], shape)
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
        request, bound = self._request, self._bound
        how: tuple[Any, ...] = (bound.build,)
        if request.groups is not None:
            how = (bound.grouped, request.groups)
        elif request.pace == "scheduled" and request.lrs is not None:
            how = (bound.scheduled, request.lrs)
        elif request.pace == "refilled" and request.lrs is not None:
            how = (bound.refilled,)
        built: Instance = self._attempt(0, how[0], arrays, hyper, request.flags, *how[1:])
        return built

    def _reloaded(self, instance: Instance, step: int) -> Instance:
        request, rows = self._request, self._board.thetas
        saved = self._saved(instance, step)
        if request.receiver == "none":
            return instance
        hyper = request.hyper if request.reload_hyper is None else request.reload_hyper
        receiver = self._build([row[step, ...] for row in rows], hyper)
        if request.receiver == "twice":
            self._attempt(step, receiver.load, saved)
        elif request.receiver in ("used", "beside"):
            self._use(receiver, step)
        if request.receiver in ("twice", "beside"):
            receiver = self._build([row[step, ...] for row in rows], hyper)
        self._attempt(step, receiver.load, saved)
        return receiver

    def _call(self, instance: Instance) -> Callable[..., Any]:
        """How an instance takes a step."""
        if self._request.closure:
            return cast("Conducting", instance).step_by_closure
        return instance.step

    def _saved(self, instance: Instance, step: int) -> Any:
        """The state after ``step`` as whoever loads it will find it."""
        request, conducting = self._request, cast("Conducting", instance)
        if request.receiver == "live":
            saved = self._attempt(step, conducting.handed)
            for grads in self._others():
                self._attempt(step, instance.step, grads)
        else:
            saved = self._attempt(step, instance.save)
        if request.stored is not None:
            saved = conducting.stored(saved, FORMATS[request.stored])  # no call of the target
        return saved

    def _use(self, receiver: Instance, step: int) -> None:
        """A few steps of its own; where they lead is recorded as the parameters after ``step``."""
        for grads in self._others():
            self._record(self._attempt(step, receiver.step, grads), step)

    def _others(self) -> Iterator[list[NDArray[Any] | None]]:
        """Gradients of a few steps that are not those of the run.

        Larger than usual ones: an old moment that stays is not lost beside the loaded one.
        """
        for t in range(_USES):
            yield [np.full_like(g[0, ...], 8.0 + 4.0 * t) for g in self._request.grads]

    def _hyper_at(self, t: int) -> Mapping[str, float]:
        lrs, hyper = self._request.lrs, self._request.hyper
        return hyper if lrs is None or not len(lrs) else {**hyper, "lr": float(lrs[t])}

    def _paced(self, instance: Instance, t: int) -> Instance:
        """The instance with the next step's α, or a new one that goes on from its moments."""
        lrs = self._request.lrs
        if self._request.pace in ("assigned", "refilled") and lrs is not None:
            self._attempt(t + 1, cast("Conducting", instance).set_lr, float(lrs[t]))
            return instance
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
        rows = self._rows
        try:
            if len(thetas) != len(rows):
                self.broken.setdefault("parameter-count", step)
                raise ProtocolError(f"returned {len(thetas)} parameters instead of {len(rows)}")
            for (row, shape, dtype), theta in zip(rows, thetas, strict=True):
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
            sent = self._raw[t * self._each : (t + 1) * self._each]
            return grad.tobytes() != sent.tobytes()  # views are compared byte by byte
        return bool((grad.view(self._unsigned) != self._bits[t, ...]).any())


class _Gradients:
    """The gradients of every step in the memory in which the target meets them."""

    def __init__(self, request: Trajectory) -> None:
        self._values = request.grads
        self._turns = []
        self._one = None
        if request.refill:
            layout = request.grad_layout
            whole = [empty_steps(1, g.shape[1:], g.dtype, layout) for g in request.grads]
            self._one = [g[0, ...] for g in whole]
        else:
            for layout in request.grad_layout.split("/"):
                self._turns.append([laid_out_steps(g, layout) for g in request.grads])

    def of(self, t: int) -> list[NDArray[Any]]:
        """One array per parameter for step t (from 0)."""
        if self._one is None:
            return [g[t, ...] for g in self._turns[t % len(self._turns)]]
        for array, values in zip(self._one, self._values, strict=True):
            array[...] = values[t, ...]
        return self._one.copy()


class _Twin:
    """Two instances that are stepped in between, one of the same shapes and one of others.

    State that they share with the first one shows, whether or not it is kept by shape.
    """

    def __init__(self, drive: Drive, request: Trajectory) -> None:
        self._drive = drive
        # another rate too: hyperparameters may be what is shared
        hyper = {name: x / 2.0 if name == "lr" else x for name, x in request.hyper.items()}
        self._pairs = []
        for other in (_same, _grown):
            pairs = [
                _others(theta, grads, other(theta.shape))
                for theta, grads in zip(request.theta0, request.grads, strict=True)
            ]
            instance = drive._build([theta for theta, _ in pairs], hyper)
            self._pairs.append((instance, [grads for _, grads in pairs]))

    def step(self, t: int) -> None:
        """One step of each with other gradients; either is the last one in turn."""
        for instance, grads in self._pairs if t % 2 else reversed(self._pairs):
            self._drive._attempt(t + 1, instance.step, [g[t, ...].copy() for g in grads])


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


def _same(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape


def _grown(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[0] + 1, *shape[1:]) if shape else (2,)


def _others(
    theta: NDArray[Any], grads: NDArray[Any], shape: tuple[int, ...]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Unlike parameters and gradients of the same dtypes, finite whatever these are."""
    signs = np.where(np.arange(len(grads)) % 3 == 0, -1.5, 0.75)
    # a gradient of another shape than its parameter is asked for too, and stays what it is
    within = shape if grads.shape[1:] == theta.shape or shape != theta.shape else grads.shape[1:]
    other = np.empty((len(grads), *within), grads.dtype)
    other[...] = signs.reshape(-1, *(1,) * len(within)).astype(grads.dtype)
    return np.full(shape, 2.5, theta.dtype), other


def _copied(preload: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{k: int(x) if k == "t" else np.array(x) for k, x in e.items()} for e in preload]


def _ignore(step: int, value: Any) -> None:
    """The twin's results are nobody's."""
