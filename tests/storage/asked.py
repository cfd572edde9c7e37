"""One check asked of a stored target, without an explanation of what it finds."""

from __future__ import annotations

from adamcheck.checks.registry import check_by_id
from adamcheck.formats import format_named
from adamcheck.profiles import profile_named
from adamcheck.properties.context import Account, Context
from adamcheck.spec import parse_spec
from adamcheck.targets.session import Session


def broken(check: str, target: str, claim: str, dtype: str, **options: str) -> bool:
    """Whether a check sees its law broken by a target of adamcheck.mutations.stored."""
    name = f"adamcheck.mutations.stored:{target}"
    account = Account()
    with Session(name, options=options) as session:
        session.start()
        fmt, profile = format_named(dtype), profile_named("quick")
        check_by_id(check).run(Context(session, parse_spec(claim), fmt, profile), account)
    return bool(account.broken)
