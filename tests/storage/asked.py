"""One check asked of a stored target, without an explanation of what it finds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from adamcheck.checks.registry import check_by_id
from adamcheck.formats import format_named
from adamcheck.profiles import profile_named
from adamcheck.properties.context import Account, Context
from adamcheck.spec import parse_spec
from adamcheck.targets.session import Session

STORED = "adamcheck.mutations.stored"


@contextmanager
def asked(target: str, claim: str, dtype: str, **options: str) -> Iterator[Context]:
    """A target under a claim in one dtype."""
    with Session(target, options=options) as session:
        session.start()
        fmt, profile = format_named(dtype), profile_named("quick")
        yield Context(session, parse_spec(claim), fmt, profile)


def seen(check: str, target: str, claim: str, dtype: str, **options: str) -> Account:
    """What a check has seen of a target of adamcheck.mutations.stored."""
    account = Account()
    with asked(f"{STORED}:{target}", claim, dtype, **options) as context:
        check_by_id(check).run(context, account)
    return account


def broken(check: str, target: str, claim: str, dtype: str, **options: str) -> bool:
    """Whether a check sees its law broken by a target of adamcheck.mutations.stored."""
    return bool(seen(check, target, claim, dtype, **options).broken)
