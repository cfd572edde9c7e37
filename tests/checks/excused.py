"""Planted defects that no check kills, and rightly: why, and what is said of each instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from adamcheck.result import Status


@dataclass(frozen=True)
class Excuse:
    """Why a planted defect is let go.

    check: the one that comes nearest to it; status: how that one ends; finding: the name of what it
    books (empty: nothing is said, because nothing can be seen) and says: words of it.
    """

    why: str
    check: str
    status: Status = Status.PASSED
    finding: str = ""
    says: str = ""


EXCUSED: Final[Mapping[str, Excuse]] = MappingProxyType(
    {
        "counter-float32": Excuse(
            "a float32 counter is exact up to 2^24 steps, and β^t is 0 long before",
            "ADAM-BC-2",
        ),
        "zero-d-as-scalar": Excuse(
            "honest NumPy code hands a 0-d array back as a scalar of the same dtype", "ADAM-DS-1"
        ),
        "theta0-changed-by-constructor": Excuse(
            "an optimizer owns its parameters and may change the arrays in place", "ADAM-GB-1"
        ),
        "load-keeps-hyperparameters": Excuse(
            "whose α holds after loading is a convention: PyTorch loads it, others keep their own",
            "ADAM-SV-2",
            finding="loaded-hyperparameters",
            says="the new α holds",
        ),
        "load-keeps-rate": Excuse(
            "whose α holds after loading is a convention: PyTorch loads it, others keep their own",
            "ADAM-SV-2",
            finding="loaded-hyperparameters",
            says="the new α holds",
        ),
        "state-shares-buffers": Excuse(
            "a state_dict of live buffers is what PyTorch hands out; it is named",
            "ADAM-SV-1",
            finding="live-state",
            says="changes while its optimizer goes on",
        ),
        "none-as-zero": Excuse(
            "a missing gradient as a zero one is a convention, and named",
            "ADAM-LT-1",
            finding="missing-gradient",
            says="θ coasts on",
        ),
        "none-advances-t": Excuse(
            "a step count that all parameters share is a convention, and named",
            "ADAM-LT-1",
            finding="step-count",
            says="global",
        ),
        "accepts-anything": Excuse(
            "a target that refuses nothing promises nothing; Algorithm 1 says nothing of refusals",
            "ADAM-HP-2",
            finding="no-validation",
            says="without a word",
        ),
        "accepts-nan": Excuse(
            "most libraries write the refusal so that NaN passes; it is named",
            "ADAM-HP-2",
            finding="nan-accepted",
            says="beta2=nan",
        ),
        "broadcasts-gradient": Excuse(
            "NumPy's own broadcasting is defensible; it is named",
            "ADAM-HP-3",
            finding="shape-broadcast",
            says="(1,)",
        ),
        "broadcasts-single-element": Excuse(
            "one element for all is what broadcasting makes of it; it is named",
            "ADAM-HP-3",
            finding="shape-broadcast",
            says="(1,)",
        ),
        "reshapes-gradient": Excuse(
            "a gradient of the right size in another shape is defensible; it is named",
            "ADAM-HP-3",
            finding="shape-broadcast",
            says="(2, 3)",
        ),
        "drops-surplus-parameters": Excuse(
            "adapters hand over one gradient, or None, for each parameter", "ADAM-EL-4"
        ),
        "late-parameter-crashes": Excuse(
            "it crashes: no deviation, and no pass either",
            "ADAM-LT-1",
            Status.ERROR,
            says="exp_avg",
        ),
    }
)
