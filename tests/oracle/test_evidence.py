"""Evidence is the same only where every bit of it is."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from adamcheck.formats import format_named
from adamcheck.oracle.evidence import Evidence
from adamcheck.spec import parse_spec

HYPER = {"lr": 0.125, "beta1": 0.875, "beta2": 0.96875, "eps": 2.0**-20}


def made(name: str = "float32") -> Evidence:
    fmt = format_named(name)
    grads = np.arange(6.0).reshape(3, 2).astype(fmt.dtype)
    thetas = np.zeros((4, 2), fmt.dtype)
    state = {"m": np.zeros((3, 2), fmt.dtype)}
    return Evidence(parse_spec("adam"), fmt, HYPER, grads, thetas, state, sizes=(2,))


def test_equal_evidence_has_one_identity_whatever_its_layout():
    one = made()
    assert one.identity == made().identity
    assert hash(one.identity) == hash(made().identity)
    turned = replace(one, grads=np.asfortranarray(one.grads))
    assert turned.identity == one.identity


def test_every_field_tells_evidence_apart():
    one = made()
    zero = np.zeros((4, 2), np.float32)
    zero[2, 1] = -0.0
    others = {
        "spec": parse_spec("adamw"),
        "fmt": format_named("float16"),
        "hyper": HYPER | {"lr": 0.25},
        "grads": np.nextafter(one.grads, np.float32(9.0)),
        "thetas": zero,
        "moments": {"m": np.zeros((3, 2), np.float64)},
        "start": {"m": np.zeros(2, np.float32)},
        "first": 1,
        "unseen": 1,
        "lrs": (0.5, 0.5, 0.5),
        "sizes": (1, 1),
        "shown": True,
        "loaded": 1,
    }
    assert others.keys() == {field.name for field in fields(Evidence)}
    changed = [replace(one, **{name: other}).identity for name, other in others.items()]
    assert len({one.identity, *changed}) == len(changed) + 1
