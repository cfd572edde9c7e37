"""Targets that misbehave at their third step, each in one way; before it they subtract 0.5."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
import warnings

import numpy as np


class Faulty:
    def __init__(self, params, *, lr, beta1, beta2, eps):
        self.params = [p.copy() for p in params]
        self.t = 0

    def step(self, grads):
        self.t += 1
        self.params = [p - np.asarray(0.5, p.dtype) for p in self.params]
        if self.t == 3:
            result = self.fault()
            return self.params if result is None else result
        return self.params

    def fault(self):
        """Nothing."""


class Spins(Faulty):
    def fault(self):
        while True:
            pass


class Sleeps(Faulty):
    def fault(self):
        time.sleep(1e6)


class StopsItself(Faulty):
    def fault(self):
        os.kill(os.getpid(), signal.SIGSTOP)


class Raises(Faulty):
    def fault(self):
        raise ValueError("no\n way")


class RaisesOddly(Faulty):
    def fault(self):
        class Odd(Exception):
            def __str__(self):
                raise RuntimeError

        raise Odd


class Exits(Faulty):
    def fault(self):
        sys.exit(4)


class ExitsHard(Faulty):
    def fault(self):
        os._exit(5)


class Crashes(Faulty):
    def fault(self):
        os.kill(os.getpid(), signal.SIGSEGV)


class Dereferences(Faulty):
    def fault(self):
        ctypes.string_at(0)


class Aborts(Faulty):
    def fault(self):
        os.abort()


class ClosesPipes(Faulty):
    def fault(self):
        os.closerange(3, 100)


class Hogs(Faulty):
    def fault(self):
        kept = []
        while True:
            kept.append(np.ones(1 << 20))
            time.sleep(0.005)


class HogsInChild(Hogs):
    def fault(self):
        if os.fork() == 0:
            os.setsid()
            super().fault()
        os.wait()


class AsksTooMuch(Faulty):
    def fault(self):
        np.ones(1 << 50)


class Prints(Faulty):
    def fault(self):
        for _ in range(50):
            print("x" * 100_000)
            print("y" * 100_000, file=sys.stderr)


class WritesRaw(Faulty):
    def fault(self):
        for _ in range(50):
            os.write(1, b"z" * 100_000)
            os.write(2, b"z" * 100_000)


class ReplacesStdout(Faulty):
    def fault(self):
        sys.stdout.close()
        sys.stdout = None
        sys.stderr = None


class SetsErrors(Faulty):
    def fault(self):
        np.seterr(all="raise")
        warnings.simplefilter("error")
        os.chdir("/")


class GivesNone(Faulty):
    def fault(self):
        return [None]


class GivesText(Faulty):
    def fault(self):
        return ["zero"]


class Deleted:
    """An array whose buffer is gone, as JAX has them."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("the buffer was deleted")


class GivesDeleted(Faulty):
    def fault(self):
        return [Deleted()]


class GivesNumber(Faulty):
    def fault(self):
        return 3.0


class GivesGenerator(Faulty):
    def fault(self):
        return (p for p in self.params)


class GivesComplex(Faulty):
    def fault(self):
        return [self.params[0] + 1j]


class GivesTwo(Faulty):
    def fault(self):
        return self.params * 2


class GivesShape(Faulty):
    def fault(self):
        return [np.zeros(7, self.params[0].dtype)]


class GivesColumn(Faulty):
    def fault(self):
        return [self.params[0].reshape(-1, 1)]


class GivesFloat64(Faulty):
    def fault(self):
        return [self.params[0].astype(np.float64)]


class NeverBuilds(Faulty):
    def __init__(self, params, lr, beta1, beta2, eps):  # one that takes any word is tried before
        time.sleep(1e6)


class CannotBuild(Faulty):
    def __init__(self, params, **options):
        raise TypeError("not these")


class Starves(Faulty):
    """Fails in its first step whatever the format."""

    def step(self, grads):
        raise FloatingPointError("always")


class NotANumber(Faulty):
    """Gives NaN from the first step, in every format."""

    def step(self, grads):
        return [p * np.asarray(np.nan, p.dtype) for p in self.params]
