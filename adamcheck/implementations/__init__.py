"""The Adams that ship with adamcheck: targets like any other, trusted by nothing."""

from adamcheck.implementations.adam import Adam, CupyAdam, NumpyAdam

__all__ = ["Adam", "CupyAdam", "NumpyAdam"]
