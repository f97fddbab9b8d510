"""The day's changes, counted: by account, by who made them, and by what they did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from ...model.digest import ChangeCount
from ...model.finding import Effect
from ..people import actor_words
from ..text import listed, plural, safe

# Of an account, so many principals; of a principal, so many calls.
MOST_PRINCIPALS = 5
_MOST_CALLS = 4


def counts_by_account(
    changes: Iterable[ChangeCount], name_of: Callable[[str | None], str]
) -> list[tuple[str, tuple[str, ...]]]:
    """(An account and how many, by whom and what), the most first."""
    accounts: dict[str | None, list[ChangeCount]] = {}
    for change in changes:
        accounts.setdefault(change.account_id, []).append(change)
    ordered = sorted(accounts.items(), key=lambda it: (-_total(it[1]), it[0] or ""))
    return [
        (f"{name_of(account_id)}: {_total(its):,}", tuple(_by_principal(its)))
        for account_id, its in ordered
    ]


def _by_principal(changes: Iterable[ChangeCount]) -> Iterator[str]:
    principals: dict[str | None, list[ChangeCount]] = {}
    for change in changes:
        principals.setdefault(change.principal, []).append(change)
    ordered = sorted(principals.items(), key=lambda it: (-_total(it[1]), it[0] or ""))
    for principal, its in ordered[:MOST_PRINCIPALS]:
        who = actor_words(principal) if principal else "nobody that the record names"
        yield f"{who}: {_calls_words(its)}{_effect_words(its)}"
    left = ordered[MOST_PRINCIPALS:]
    if left:
        rest = [change for _, its in left for change in its]
        yield f"{plural(len(left), 'other')}: {_total(rest):,}{_effect_words(rest)}"


def _calls_words(changes: Sequence[ChangeCount]) -> str:
    """`10 AuthorizeSecurityGroupIngress, 2 DeleteSecurityGroup`."""
    calls: Counter[str] = Counter()
    for it in changes:
        calls[safe(it.call or "unreadable record", 60)] += it.count
    words = [f"{count:,} {call}" for call, count in calls.most_common()]
    return listed(words, _MOST_CALLS)


def _effect_words(changes: Sequence[ChangeCount]) -> str:
    """` (2 opened to the world, 1 was refused)`; empty where there is nothing to remark."""
    counts = (
        (sum(it.count for it in changes if it.world_open), "opened to the world"),
        (sum(it.count for it in changes if it.effect is Effect.CLOSES), "closed"),
        (sum(it.count for it in changes if it.effect is Effect.ATTEMPT), "refused"),
    )
    words = [f"{count:,} {what}" for count, what in counts if count]
    return f" ({', '.join(words)})" if words else ""


def _total(changes: Iterable[ChangeCount]) -> int:
    return sum(it.count for it in changes)
