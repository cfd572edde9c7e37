"""Which Adam the real libraries are."""

from __future__ import annotations

import pytest
from installed import needs

from adamcheck.identify import identify

from .known import KNOWN

pytestmark = pytest.mark.library


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("target", "options", "spec"), KNOWN)
def test_libraries_are_identified(target, options, spec):
    package = target.partition(":")[0].partition(".")[0]
    needs(package)
    report = identify(target, options=options)
    found = report.identification
    assert not report.error
    assert (found.spec, found.kind, found.indistinguishable) == (spec, "dialect", ())
    assert found.second_deviation > 1e6


def test_a_default_decay_is_told():
    needs("torch")
    (fact,) = (f for f in identify("torch.optim:AdamW").findings if f.name == "weight-decay")
    assert fact.numbers == {"weight_decay": 0.01}


@pytest.mark.slow
def test_scalars_in_float32_where_64_bits_are_off():
    needs("optax")
    report = identify("optax:adam", options={"x64": False})
    assert report.identification.spec == "adam"
    facts = {f.name: f for f in report.findings}
    assert facts["dtype"].dtype == "float32"
    assert facts["scalars"].numbers["envelopes"] > 1.0


@pytest.mark.slow
def test_a_float32_product_under_float64_arrays_is_noticed():
    # PyTorch keeps NAdam's product of momenta as a float32 tensor
    needs("torch")
    found = identify("torch.optim:NAdam").identification
    assert found.kind == "not-adam"
    assert found.spec == "nadam[schedule=momentum-decay]"
    assert "in float32" in found.regime
    narrow = identify("torch.optim:NAdam", dtype="float32").identification
    assert (narrow.kind, narrow.spec) == ("dialect", "nadam[schedule=momentum-decay]")
