"""Which of the calls of one second counts as the earlier one: CloudTrail's time has no more.

Memory folds what is said in this order, and alerts name calls in it.
"""

from __future__ import annotations

from datetime import datetime

from ..model.change import Action, Change, PrefixListChange, TrailAction

# What is new has nothing before it, and a rule that is gone and there again is there.
NEW, GONE, THERE, EDITED = range(4)
# As what is deleted.
LAST = 2**63
# The time, the rank within its second, what tells two of a rank apart, and 1 for what comes later.
Key = tuple[datetime, int, str, int]

_RANKS: dict[object, int] = {
    Action.CREATE: NEW,
    Action.REMOVE_RULES: GONE,
    Action.ADD_RULES: THERE,
    Action.DELETE: LAST,
    TrailAction.DELETE: LAST,
}


def rank_of(change: Change) -> int:
    """Where a call stands within its second."""
    if change.action not in _RANKS and isinstance(change, PrefixListChange):
        return rank_of_version(change.version)
    return _RANKS.get(change.action, EDITED)


def rank_of_version(version: int | None) -> int:
    """Where the edit that made a version of a prefix list stands."""
    return GONE + (version or 0)


def key_of_gone(own: Key, named: Key) -> Key:
    """Where a rule is gone by its id, which was last named then.

    Ids are not used twice: nothing that names the rule can come later in that second.
    """
    return max(own, (*named[:3], 1)) if named[0] == own[0] else own
