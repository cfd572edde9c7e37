"""The functions of a rule over exact rationals, where any root will do for equality."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Opaque:
    """What has no operator: root, maximum, and a choice by the sign of a number."""

    @staticmethod
    def sqrt(x: Any) -> Any:
        """No root, but a function of x that no other formula gives."""
        return (x * x + 3 * abs(x) + 7) / (abs(x) + 2)

    @staticmethod
    def maximum(x: Any, y: Any) -> Any:
        """The larger of two numbers."""
        return max(x, y)

    @staticmethod
    def choose(x: Any, a: Callable[[], Any], b: Callable[[], Any]) -> Any:
        """The first where x > 0, else the second; the other is never computed."""
        return a() if x > 0 else b()
