"""Real optimizers behind thin subclasses and factories are recognised and read."""

import pytest
from installed import needs

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
