"""What a target did, in the form that every precision level of the oracle judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck import codes
from adamcheck.formats import Format
from adamcheck.spec import Spec


@dataclass(frozen=True)
class Evidence:
    """What a target did, flattened: element i is column i.

    grads [T, N]; thetas [T+1, N]; moments name -> [T, N] (may be empty); all in the formats that
    they are shown in. start: name -> [N] moments before the first step (default zero) and ``first``
    the steps taken before. hyper: the hyperparameters as asked for, exact doubles. unseen: so many
    first steps are walked but not compared. lrs: α of every step where it changes (else empty);
    then hyper's own holds for the steps before. sizes: those of the parameters whose elements these
    are (none given: one parameter). shown: the first parameter is one that the target showed, and
    may have a wider one behind it; else it was given.
    """

    spec: Spec
    fmt: Format
    hyper: Mapping[str, float]
    grads: NDArray[np.generic]
    thetas: NDArray[np.generic]
    moments: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    start: Mapping[str, NDArray[np.generic]] = field(default_factory=dict)
    first: int = 0
    unseen: int = 0
    lrs: tuple[float, ...] = ()
    sizes: tuple[int, ...] = ()
    shown: bool = False
    loaded: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """(T, N), the steps that were observed and the elements."""
        return int(self.thetas.shape[0]) - 1, int(self.thetas.shape[1])

    @property
    def identity(self) -> tuple[Any, ...]:
        """All of it, bit for bit, as something that can be looked up."""
        return tuple(_plain(getattr(self, one.name)) for one in fields(self))

    @property
    def coded(self) -> NDArray[np.bool_]:
        """Elements whose moments may be kept as codes, in blocks, ``[N]``."""
        return codes.elements(self.spec, self.sizes, self.shape[1])

    def step(self, t: int) -> Evidence:
        """Step t alone, from 1, from the moments that the target showed before it."""
        before, now = slice(t - 1, t + 1), slice(t - 1, t)
        start = self.start if t == 1 else {n: a[t - 2] for n, a in self.moments.items()}
        return replace(
            self,
            grads=self.grads[now],
            thetas=self.thetas[before],
            moments={n: a[now] for n, a in self.moments.items()},
            start=start,
            first=self.first + t - 1,
            lrs=self.lrs[now],
            shown=t > 1 or self.shown,
        )

    def until(self, t: int) -> Evidence:
        """The first t steps."""
        return replace(
            self,
            grads=self.grads[:t],
            thetas=self.thetas[: t + 1],
            moments={n: a[:t] for n, a in self.moments.items()},
            lrs=self.lrs[:t],
        )

    def element(self, i: int, steps: int | None = None) -> Evidence:
        """The same evidence for one element and the first ``steps`` steps."""
        k = self.shape[0] if steps is None else steps
        cut = slice(i, i + 1)
        return replace(
            self,
            grads=self.grads[:k, cut],
            thetas=self.thetas[: k + 1, cut],
            moments={n: a[:k, cut] for n, a in self.moments.items()},
            start={n: a[cut] for n, a in self.start.items()},
        )


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype.num, value.shape, value.tobytes()
    if isinstance(value, Mapping):
        return tuple((name, _plain(part)) for name, part in value.items())
    return value
