"""Real optimizers behind thin subclasses and factories are recognised and read."""

import pytest
from installed import needs

import adamcheck
from adamcheck.result import Status
from adamcheck.targets.adapters.base import ProtocolError
from adamcheck.targets.session import Session

from .helpers import HERE

pytestmark = pytest.mark.library
ALL = {"lr", "beta1", "beta2", "eps"}


@pytest.mark.parametrize(
    ("package", "target", "adapter", "takes", "lacks"),
    [
        ("torch", "thin_torch.py:Thin", "torch", ALL | {"weight_decay"}, set()),
        ("torch", "thin_torch.py:Narrowed", "torch", {"lr", "eps"}, {"beta1", "beta2"}),
        ("torch", "thin_torch.py:Partial", "torch", ALL | {"weight_decay"}, set()),
        ("torch", "thin_torch.py:made", "torch", {"lr", "beta1"}, {"beta2", "eps"}),
        ("torch", "thin_torch.py:Own", "torch", ALL, {"weight_decay"}),
        ("torch", "thin_torch.py:Picks", "torch", {"lr", "eps"}, {"beta1", "weight_decay"}),
        ("optax", "thin_optax.py:forwards", "optax", ALL, set()),
        ("optax", "thin_optax.py:anything", "optax", ALL, set()),
    ],
)
def test_the_library_behind_is_found(package, target, adapter, takes, lacks):
    needs(package)
    with Session(str(HERE / target)) as session:
        known = session.description
        assert known.adapter == adapter
        assert takes <= known.hyperparameters
        assert not lacks & known.hyperparameters
        assert set(known.dtypes) == {"float64", "float32", "float16", "bfloat16"}


@pytest.mark.parametrize(("name", "pace"), [("injected", "assigned"), ("static", "scheduled")])
def test_a_rate_that_is_not_among_what_was_injected_is_scheduled(name, pace):
    needs("optax")
    target = str(HERE / f"thin_optax.py:{name}")
    with Session(target) as session:
        assert session.description.abilities & {"assigned", "scheduled"} == {pace}
    (outcome,) = adamcheck.check(target, only="ADAM-CR-1", dtypes="float32").checks
    assert outcome.status is Status.PASSED, outcome.message


def test_a_word_that_is_taken_and_not_followed_is_told():
    needs("torch")
    with Session(str(HERE / "thin_torch.py:Picks")) as session:
        told = session.description.notes
    assert "takes any word, betas too, and its defaults do not follow that" in told
    assert "takes any word, weight_decay too, and its defaults do not follow that" in told


def test_codes_are_scaled_by_blocks_of_the_known_size_alone():
    needs("torch")
    import torch

    from adamcheck.targets.adapters.torch_optimizer import _numbers

    codes = torch.ones(300, dtype=torch.uint8)
    state = {
        "state1": codes,
        "qmap1": torch.tensor([0.0, 1.0]),
        "absmax1": torch.tensor([2.0, 3.0]),
    }
    assert _numbers(state, "state1").tolist() == [2.0] * 256 + [3.0] * 44
    with pytest.raises(ProtocolError, match="3 scales for 300 elements"):
        _numbers(state | {"absmax1": torch.ones(3)}, "state1")


def test_one_state_that_says_nothing_of_itself_is_no_moment():
    needs("torch")
    with Session(str(HERE / "thin_torch.py:OneState")) as session:
        assert "moments" not in session.description.abilities


def test_moments_that_stay_in_the_format_they_come_back_in_are_named():
    """Claimed in float32 beside bfloat16 parameters, and saved through a file of bfloat16."""
    needs("torch")
    result = adamcheck.check(
        str(HERE / "thin_torch.py:WideState"),
        spec="adam[moments=float32,arithmetic=float32]",
        dtypes=["bfloat16"],
        only=["ADAM-SV-3"],
    )
    (found,) = result.checks
    assert found.status is Status.PASSED, found.message
    told = [f.message for f in result.findings if f.name == "stored-state"]
    assert "a state that comes back as bfloat16 stays bfloat16" in told


def test_a_decay_that_one_group_alone_has_is_asked():
    needs("torch")
    target = str(HERE / "thin_torch.py:DecaysByDefault")
    result = adamcheck.check(target, spec="adam", dtypes=["float32"], only=["ADAM-PG-1"])
    (found,) = result.checks
    assert found.status is Status.FAILED, found.message
    assert "weight_decay=0.125" in found.message
