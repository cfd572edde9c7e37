"""States that come back in another format keep their types, whatever they are made of."""

from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np

from adamcheck.formats import FORMATS
from adamcheck.targets.adapters.base import in_format, mapped


class Kept(NamedTuple):
    m: Any
    t: int


def test_every_leaf_is_changed_and_every_type_is_kept():
    half = FORMATS["float16"]
    state = OrderedDict[str, Any](a=Kept(np.ones(2), 3), b=[np.ones(1, np.int64), (np.ones(1),)])
    back = mapped(state, lambda x: in_format(x, half) if isinstance(x, np.ndarray) else x)
    assert type(back) is OrderedDict
    assert list(back) == ["a", "b"]
    assert isinstance(back["a"], Kept)
    assert back["a"].t == 3
    assert back["a"].m.dtype == np.float16
    assert back["b"][0].dtype == np.int64
    assert back["b"][1][0].dtype == np.float16
    assert state["a"].m.dtype == np.float64
