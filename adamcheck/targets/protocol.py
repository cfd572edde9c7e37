"""What is asked of a target and what comes back: whole trajectories as plain frozen records.

Nothing here knows how a target is driven; adapters, the wire and the session all speak this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from numpy.typing import NDArray

from adamcheck.declared import NOTHING, Declared
from adamcheck.spec.defaults import UNREAD, Defaults

FLAGS: Final = ("amsgrad", "maximize", "nesterov", "centered")
"""Common names of boolean options that change the rule."""
LAYOUTS: Final = ("C", "F", "transposed", "strided", "negative")
"""Memory layouts in which an array of given shape and values can be handed over."""
GRADIENT_LAYOUTS: Final = (*LAYOUTS, "expanded", "read-only")
"""A gradient's besides: stride 0 along every axis along which it is constant, as the gradient of a
sum comes; and C-ordered memory that nobody may write to."""
RECEIVERS: Final = ("fresh", "used", "beside", "twice", "none", "live")
"""Who takes a saved state and goes on (see Trajectory.receiver)."""
PACES: Final = ("rebuilt", "assigned", "scheduled", "refilled")
"""How α changes from step to step (see Trajectory.pace)."""
ABILITIES: Final = (
    "stepwise",  # gradients are consumed one step at a time (false for run(theta0, grads))
    "many",  # takes a list of parameters
    "missing",  # a gradient may be None
    "moments",  # shows m, v (and v_max), or those of them that it keeps, or its velocity
    "load_moments",  # takes them back, with t
    "state",  # state_dict / load_state_dict
    "live",  # hands its state over without copying it
    "stored",  # floating point numbers of a saved state can be brought into another format
    "assigned",  # α can be set between steps
    "scheduled",  # takes a function of the step count in place of α
    "refilled",  # takes an array of one number for α, which is filled with others between steps
    "closure",  # a step may be given a function that computes the gradients
    "groups",  # parameters can have hyperparameters of their own
    "layouts",  # arrays reach it in the layout that was asked for (see Description.layouts)
)


@dataclass(frozen=True)
class Description:
    """What a loaded target is and can do.

    ``hyperparameters`` and ``flags`` are the common names it accepts; ``dtypes`` the names of the
    formats it was seen to take (and give back); ``flushes`` those of them whose subnormals its
    arithmetic was measured to lose; ``notes`` are one-line facts for people, which may quote the
    target and decide nothing; ``environment`` maps packages to versions; ``layouts`` are those in
    which an array reaches the target (others arrive as C). ``defaults`` is what it was read to use
    where nothing is passed; ``declared`` what the target, its project or the caller says of it,
    which is taken as it is said.
    """

    target: str
    adapter: str
    hyperparameters: frozenset[str]
    flags: frozenset[str]
    abilities: frozenset[str]
    dtypes: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    layouts: tuple[str, ...] = ("C",)
    flushes: frozenset[str] = frozenset()
    defaults: Defaults = UNREAD
    declared: Declared = NOTHING


@dataclass(frozen=True)
class Trajectory:
    """A whole run, asked for in one message.

    theta0: one array per parameter. grads: one array per parameter, ``[T, *shape]``.
    hyper: the hyperparameters to pass (common names); flags: the boolean options that are on.
    present: ``[T, n_parameters]`` booleans, False where the gradient is None; None: all present.
    preload: per parameter a mapping with arrays m, v (and v_max) and the step count t, loaded
    before the first step. reload_after: after that many steps the state is saved, a new instance is
    built with ``reload_hyper`` (default: the same) and the state is loaded into it.
    stored: a format in which the floating point numbers of that state come back, as from a file
    that was written in it.
    receiver: who takes that state: the new instance; one that was "used", which first took some
    steps of its own from the same parameters (and goes on from where they led); a new one "beside"
    it, at those parameters; a new one after the same state was loaded into another ("twice");
    "live": a new one that takes the very object that was handed over, after the saved instance has
    gone on for some steps; or "none": the instance that was saved goes on.
    grad_layout: one of GRADIENT_LAYOUTS, or several joined by "/" that the steps take in turn.
    scramble: overwrite each gradient buffer after its step, so that a kept reference shows (a
    read-only one stays).
    refill: all gradients of a parameter come in one and the same array, filled before each step.
    twin: drive two more instances with other gradients in between, one of the same shapes and one
    of others; parameters are read after these have moved. So shared state shows.
    moments: ask for the moments after every step.
    problem: close the loop on a named problem (adamcheck.problems): the gradient of every
    step is that of the problem at the target's own parameter, plus ``grads`` (noise; zeros for
    none), in the target's format. For targets that are stepwise, with one parameter.
    lrs: ``[T]`` float64, α of every step.
    pace: how α changes: a new instance is "rebuilt" with it and the moments are loaded into it
    (needs moments and load_moments), it is "assigned" to the instance between steps, or all of them
    are given as a function of the step count when it is built ("scheduled"), or it is an array of
    one number, shared with another instance, that is "refilled" whenever α changes.
    groups: per parameter the hyperparameters that are its own, beside ``hyper``.
    closure: gradients are computed by a function that is handed to the step.
    """

    theta0: tuple[NDArray[Any], ...]
    grads: tuple[NDArray[Any], ...]
    hyper: Mapping[str, float]
    flags: frozenset[str] = frozenset()
    present: NDArray[Any] | None = None
    theta_layout: str = "C"
    grad_layout: str = "C"
    preload: tuple[Mapping[str, Any], ...] | None = None
    reload_after: int | None = None
    reload_hyper: Mapping[str, float] | None = None
    receiver: str = "fresh"
    scramble: bool = True
    refill: bool = False
    twin: bool = False
    moments: bool = False
    problem: Mapping[str, Any] | None = None
    lrs: NDArray[Any] | None = None
    pace: str = "rebuilt"
    groups: tuple[Mapping[str, float], ...] | None = None
    stored: str | None = None
    closure: bool = False

    @property
    def steps(self) -> int:
        """The number of steps T."""
        return int(self.grads[0].shape[0]) if self.grads else 0


@dataclass(frozen=True)
class Failure:
    """How a target failed: kind is raised, hung, exited, crashed, memory or protocol.

    ``step`` is 1-based, 0 while the target was being imported or built; ``type`` is the exception's
    class name where there was one.
    """

    kind: str
    message: str
    step: int
    type: str = ""


@dataclass(frozen=True)
class Trace:
    """What a target did.

    thetas: per parameter ``[T'+1, *shape]``, the initial value first; T' < T where it failed.
    moments: per parameter a mapping of ``[T', *shape]`` arrays m, v … and t ``[T']``.
    broken: protocol laws that were seen broken, as ``{law: 1-based step}``; laws are
    ``gradient-changed``, ``dtype``, ``shape``, ``parameter-count``.
    printed: what the target wrote to its standard output, cut at some thousand characters.
    grads: per parameter ``[T', *shape]``, the gradients that a closed loop handed over.
    """

    thetas: tuple[NDArray[Any], ...]
    moments: tuple[Mapping[str, NDArray[Any]], ...] | None = None
    failure: Failure | None = None
    broken: Mapping[str, int] = field(default_factory=dict)
    printed: str = ""
    grads: tuple[NDArray[Any], ...] | None = None


@dataclass(frozen=True)
class Limits:
    """Limits of one target process.

    Seconds for starting up, without finishing a step, and for a whole run; bytes of resident memory
    on top of what the request itself needs.
    """

    start_seconds: float = 120.0
    step_seconds: float = 30.0
    run_seconds: float = 300.0
    memory_bytes: int = 4 << 30
