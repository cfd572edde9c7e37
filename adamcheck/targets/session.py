"""Drive a target in a process of its own: describe it, and run whole trajectories on it.

Whatever a target does there, the caller gets a Trace with every step that was finished.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from types import MappingProxyType, TracebackType
from typing import Any, Final

from adamcheck.declared import NOTHING, Declared, joined, read
from adamcheck.errors import UsageError
from adamcheck.spec.hyperparameters import HYPERPARAMETERS
from adamcheck.targets import requests, wire
from adamcheck.targets.adapters import GROUP
from adamcheck.targets.board import Board
from adamcheck.targets.copies import Ends
from adamcheck.targets.loading import split
from adamcheck.targets.probe import described
from adamcheck.targets.process import ChildProcess, Died, Watch
from adamcheck.targets.protocol import Description, Failure, Limits, Trace, Trajectory
from adamcheck.text import with_article

DEVICES: Final = ("cpu", "cuda")
_SHRINK: Final = 64 << 20


class Session:
    """A target under test; a context manager, not safe to share between threads.

    ``target`` is ``package.module:attribute`` or ``path/to/file.py:attribute``; ``options`` are the
    target's own; ``declared`` is said of it beside what it says itself. Raises UsageError as soon
    as it is known that the target cannot be loaded: here for what needs no import, at first use for
    the rest.
    """

    def __init__(
        self,
        target: str,
        *,
        options: Mapping[str, Any] = MappingProxyType({}),
        limits: Limits = Limits(),  # noqa: B008 - frozen
        device: str = "cpu",
        declared: Declared = NOTHING,
    ) -> None:
        if device not in DEVICES:
            raise UsageError(f"unknown device {device!r}; known are {', '.join(DEVICES)}.")
        split(target)
        self._target = target
        self._options = _portable(options)
        self._limits = limits
        self._device = device
        self._declared = declared
        self._child: ChildProcess | None = None
        self._loaded_child: ChildProcess | None = None
        self._traits: Mapping[str, Any] | None = None
        self._description: Description | None = None
        self._whole: Declared | None = None

    @property
    def description(self) -> Description:
        """What the target is and can do; starts the child and tries the target out.

        Raises UsageError for a target that cannot be loaded, TargetError for one that fails in
        every format.
        """
        if self._description is None:
            traits = self._loaded()
            self._description = described(
                self._target, traits, self.run, self._flushes, declared=self._all_declared
            )
        return self._description

    def start(self, *, copies: int = 0, copy: Ends | None = None) -> None:
        """Let a child load the target, and do not wait for it.

        copies: how many other sessions want a copy of it. copy: the ends of one that is made for
        this session.
        """
        if self._child is None:
            self._child = self._loading(copies) if copy is None else ChildProcess.copy_at(copy)

    def take_copies(self, count: int) -> list[Ends | None]:
        """The ends of so many copies, to be handed on; None where there are no more."""
        copies = [] if self._child is None else self._child.copies
        return [copies.pop() if copies else None for _ in range(count)]

    def know(self, description: Description) -> None:
        """What another session has found out about the target."""
        self._description = description

    @property
    def target(self) -> str:
        """Where the target stands."""
        return self._target

    @property
    def limits(self) -> Limits:
        """What the target may take."""
        return self._limits

    @property
    def device(self) -> str:
        """Where the target computes."""
        return self._device

    @property
    def declared(self) -> Declared:
        """What the caller says of the target."""
        return self._declared

    @property
    def options(self) -> Mapping[str, Any]:
        """The target's own options."""
        return MappingProxyType(self._options)

    def run(self, request: Trajectory) -> Trace:
        """Run one trajectory; what goes wrong in the target is told by ``Trace.failure``.

        Raises UsageError for a target that cannot be loaded or a hyperparameter that it does not
        take, and ValueError for a request that contradicts itself.
        """
        message = {"op": "run", "request": requests.to_message(self._accepted(request))}
        plan = requests.plan(request)
        try:
            child = self._ready()
        except Died as death:
            return Trace(tuple(a[None].copy() for a in request.theta0), failure=_failure(death, 0))
        child.printed()
        board = Board(child.board, plan, create=True)
        try:
            return self._exchange(child, message, request, board)
        finally:
            size = board.size
            board.close()
            if size > _SHRINK and child.alive:
                os.ftruncate(child.board, 0)

    def close(self) -> None:
        """End the child; the session may be used again and then starts another one."""
        if self._child is not None:
            self._child.close()
        self._child = self._loaded_child = None

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _exchange(
        self, child: ChildProcess, message: Mapping[str, Any], request: Trajectory, board: Board
    ) -> Trace:
        limits = self._limits
        sent = sum(a.nbytes for a in (*request.theta0, *request.grads))
        whole = "stepwise" not in self._loaded()["abilities"]
        watch = Watch(
            quiet_seconds=limits.run_seconds if whole else limits.step_seconds,
            total_seconds=limits.run_seconds,
            # the request, its copy in the asked layout and the board are not the target's doing
            memory_bytes=limits.memory_bytes + 6 * sent + board.size,
            progress=lambda: board.head[0] + board.head[1],
        )
        broken: dict[str, int] = {}
        try:
            reply = child.ask(message, watch)
            failure = None if reply["failure"] is None else Failure(**reply["failure"])
            broken = reply["broken"]
        except Died as death:
            step = min(board.finished() + 1, request.steps) if board.stepping() else 0
            failure = _failure(death, step)
        except BaseException:  # an interrupt: the child's answer would be taken for the next one
            child.close()
            raise
        return Trace(
            thetas=board.copied_thetas(),
            moments=board.copied_moments() if request.moments else None,
            failure=failure,
            broken=broken,
            printed=child.printed(),
            grads=board.copied_grads() if request.problem is not None else None,
        )

    def _ready(self) -> ChildProcess:
        """A child that has loaded the target; Died if it did not survive that."""
        if self._loaded_child is not None and self._loaded_child.alive:
            return self._loaded_child
        child = self._child
        if self._loaded_child is not None or child is None or child.closed:
            self.close()
            child = self._child = self._loading()
        limits = self._limits
        watch = Watch(limits.start_seconds, limits.start_seconds, limits.memory_bytes)
        try:
            traits = child.reply(watch)
        except BaseException as trouble:  # whoever asks again gets an answer of another child
            missing = child.missing
            self.close()
            if missing and isinstance(trouble, Died):  # no copy was made: a process of its own
                return self._ready()
            raise
        if self._traits is None:
            self._traits = traits
        self._loaded_child = child
        return child

    def _loading(self, copies: int = 0) -> ChildProcess:
        """A new child that was told to load the target."""
        child = ChildProcess.started(self._device, copies)
        message = {
            "op": "load",
            "target": self._target,
            "options": self._options,
            "device": self._device,
            "path": [path for path in sys.path if path],
            "adapters": _registered(),
        }
        child.send(message)
        return child

    def _loaded(self) -> Mapping[str, Any]:
        """What the adapter found out; UsageError when the target cannot be loaded."""
        if self._traits is None:
            try:
                self._ready()
            except Died as death:
                raise UsageError(
                    f"target {self._target!r} cannot be loaded: it {death.message}"
                    " while it was being imported."
                ) from None
        assert self._traits is not None
        return self._traits

    def _accepted(self, request: Trajectory) -> Trajectory:
        """The request without neutral values of hyperparameters that the target does not take."""
        from dataclasses import replace

        traits = self._loaded()
        takes = set(traits["hyperparameters"])
        fixed = self._all_declared.fixed

        neutral = {name: one.neutral for name, one in HYPERPARAMETERS.items()}

        def kept(hyper: Mapping[str, float]) -> dict[str, float]:
            for name, value in hyper.items():
                if name in fixed:
                    if value != fixed[name]:
                        text = f"{name} is fixed at {fixed[name]:g}, and {value:g} was asked for"
                        raise UsageError(f"target {self._target!r}: {text}.")
                elif name not in takes and value != neutral.get(name):
                    raise UsageError(f"target {self._target!r} takes no hyperparameter {name!r}.")
            asked = {**hyper, **fixed}
            return {name: float(value) for name, value in asked.items() if name in takes}

        if unknown := sorted(request.flags - set(traits["flags"])):
            raise UsageError(f"target {self._target!r} takes no flag {unknown[0]!r}.")
        abilities = set(traits["abilities"])
        if request.problem is not None and "stepwise" not in abilities:
            raise UsageError(
                f"target {self._target!r} takes all gradients at once: it cannot be run on a"
                " problem, whose gradients depend on its parameters; give gradients."
            )
        if request.lrs is not None and request.pace != "rebuilt":
            self._need(request.pace, abilities, "its learning rate cannot be changed in this way")
        elif request.lrs is not None and not abilities >= {"moments", "load_moments"}:
            raise UsageError(
                f"target {self._target!r} neither shows nor takes moments: its learning rate cannot"
                " be changed between steps."
            )
        if request.groups is not None:
            self._need("groups", abilities, "all its parameters have the same hyperparameters")
        if request.receiver == "live":
            self._need("live", abilities, "its state cannot be had without a copy")
        if request.stored is not None:
            self._need("stored", abilities, "its state cannot be brought into another format")
        if request.closure:
            self._need("closure", abilities, "its step takes no function")
        again = request.reload_hyper
        return replace(
            request,
            hyper=kept(request.hyper),
            reload_hyper=None if again is None else kept(again),
            groups=None if request.groups is None else tuple(map(kept, request.groups)),
        )

    @property
    def _all_declared(self) -> Declared:
        """What the target and the caller say, or what who knows it better has handed over."""
        if self._description is not None:
            return self._description.declared
        if self._whole is None:
            place = f"target {self._target!r}"
            self._whole = joined(read(self._loaded()["declared"], place), self._declared, place)
        return self._whole

    def _need(self, ability: str, abilities: set[str], otherwise: str) -> None:
        if ability not in abilities:
            raise UsageError(f"target {self._target!r} lacks the ability {ability!r}: {otherwise}.")

    def _flushes(self, dtypes: tuple[str, ...]) -> tuple[str, ...]:
        limits = self._limits
        watch = Watch(limits.step_seconds, limits.run_seconds, limits.memory_bytes)
        try:
            reply = self._ready().ask({"op": "flushes", "dtypes": dtypes}, watch)
        except Died:
            return ()
        return tuple(reply["dtypes"])


def _failure(death: Died, step: int) -> Failure:
    return Failure(death.kind, death.message, step)


def _portable(options: Any) -> dict[str, Any]:
    """The options, if they can be sent to the target's process."""
    try:
        if not isinstance(options, Mapping):
            raise TypeError(f"{with_article(type(options).__name__)} is no mapping")
        wire.encode(options)
    except (wire.WireError, TypeError, ValueError) as error:
        raise UsageError(
            f"options: {error}; give names and their values (numbers, texts, true or false, None,"
            " arrays or lists of them), such as {'foreach': True}"
        ) from None
    return dict(options)


@cache
def _registered() -> tuple[str, ...]:
    """Adapters of other packages, found once by the caller so that no child looks for them."""
    return tuple(point.value for point in metadata.entry_points(group=GROUP))
