"""The watch, step 3: what of an exposure is to be reported now, each thing once."""

from __future__ import annotations

from datetime import datetime, timedelta

from ..model.dataclass import dataclass
from ..model.exposure_life import LOOKS_BACK, EndedHow, ExposureLife
from ..model.finding import Finding
from ..model.group_state import PrefixListState, Reach
from ..model.ledger import Snooze, Told
from ..model.origin import Observed
from ..model.severity import Severity
from ..model.subject import SubjectKind

# --- What may be tuned ---------------------------------------------------------------------------

# So long after an exposure was told as new or worse, the first reminder comes. What is less severe
# is in the digest only.
FIRST_REMINDER = {
    Severity.CRITICAL: timedelta(hours=1),
    Severity.HIGH: timedelta(hours=24),
}
# So long after each reminder, the next one.
NEXT_REMINDER = timedelta(days=7)
# Where nobody can look, it may long be closed: these end so long after it was told.
WITHOUT_A_LOOK = timedelta(weeks=4)
# What is less severe by the table is looked at by the sweep alone.
LOOKED_AT_FROM = Severity.HIGH
# It may become public and private again with every deployment.
WORSE_ONCE_IN = timedelta(hours=24)
# Records are minutes late. What only a look knows waits for the call that explains it.
AFTER_A_LOOK = timedelta(minutes=15)
# Whoever opened or closed it is told of by the alert of the call, which may have to be retried.
AFTER_A_CALL = timedelta(hours=1)

# -------------------------------------------------------------------------------------------------

_BETTER = (Reach.PRIVATE, Reach.UNATTACHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known of an exposure beside what stands of it.

    `told` is what was last told of it; None where nothing was. `was_seen` says that the look behind
    the finding showed it, and `seen_before` when a look did so before, if any did.
    """

    told: Told | None
    snooze: Snooze | None
    was_seen: bool
    now: datetime
    seen_before: datetime | None = None


def report_of_open(life: ExposureLife, finding: Finding, known: Circumstances) -> Observed | None:
    """What to report of an exposure that stands; `finding` judges it as it is now."""
    told, judgement = known.told, finding.judgement
    is_accepted = judgement.acceptance.covers_all
    if told is None or told.is_closed:
        return Observed.FOUND if _has_waited(life, known.now) else None
    if told.is_accepted and not is_accepted:
        return Observed.ACCEPTANCE_ENDED
    if _is_worse(told, finding, known):
        return Observed.WORSE
    if is_accepted or told.is_quiet or _is_snoozed(told, known):
        return None
    return Observed.STILL_OPEN if _is_due(told, finding, known) else None


def report_of_closed(life: ExposureLife, known: Circumstances) -> Observed | None:
    """What to report of an exposure that is closed, of which something was told."""
    if is_settled(life, known.told) or life.closed is None:
        return None
    by_look = life.closed.looked_by is not None
    wait = AFTER_A_LOOK if by_look else AFTER_A_CALL
    return (
        Observed.CLOSED if _seen_by(life.closed.time, by_look=by_look) + wait <= known.now else None
    )


def is_settled(life: ExposureLife, told: Told | None) -> bool:
    """Whether nothing is left to be told of an exposure that is closed.

    An account that left is the organization's own doing.
    """
    if told is None or told.is_closed or life.closed_how is EndedHow.ACCOUNT_LEFT:
        return True
    by_look = life.closed is not None and life.closed.looked_by is not None
    return told.is_quiet and by_look


def is_last_unseen(told: Told, *, seen_before: datetime | None, now: datetime) -> bool:
    """Whether no other reminder comes after one without a look, unless one shows it by then."""
    return _known_at(told, seen_before) + WITHOUT_A_LOOK <= now + NEXT_REMINDER


def _has_waited(life: ExposureLife, now: datetime) -> bool:
    by_look = life.revealed.looked_by is not None
    wait = AFTER_A_LOOK if by_look else AFTER_A_CALL
    return _seen_by(life.revealed.time, by_look=by_look) + wait <= now


def _seen_by(time: datetime, *, by_look: bool) -> datetime:
    """When it was known: what a look says counts as of some minutes before it."""
    return time + LOOKS_BACK if by_look else time


def _is_worse(told: Told, finding: Finding, known: Circumstances) -> bool:
    """Public now, or lowered less. What could not be seen is not worse for that."""
    judgement = finding.judgement
    reach = judgement.reach.reach if judgement.reach else Reach.UNKNOWN
    if Reach.UNKNOWN in (reach, told.reach) or not known.was_seen:
        return False
    is_recent = told.worse_at is not None and known.now < told.worse_at + WORSE_ONCE_IN
    became_public = reach is Reach.PUBLIC and told.reach in _BETTER
    # What stands behind a list lowers nothing; the rules that refer to it come and go.
    is_list = finding.subject.kind is SubjectKind.PREFIX_LIST
    is_lowered_less = judgement.severity > told.severity and not is_list
    return not is_recent and (became_public or is_lowered_less)


def _is_snoozed(told: Told, known: Circumstances) -> bool:
    snooze = known.snooze
    return snooze is not None and snooze.quiets(told.uid, told, today=known.now.date())


def _is_due(told: Told, finding: Finding, known: Circumstances) -> bool:
    severity, since = finding.judgement.severity, told.at
    if not known.was_seen:
        # What the trail says counts. One look that fails is no reason to remind.
        severity, since = max(severity, told.severity), _known_at(told, known.seen_before)
        if since + WITHOUT_A_LOOK <= known.now:
            return False
    first = FIRST_REMINDER.get(severity)
    if first is None or _refers_to_nothing(finding):
        return False
    due = since + first if told.reminded_at is None else told.reminded_at + NEXT_REMINDER
    return due <= known.now


def _known_at(told: Told, seen_before: datetime | None) -> datetime:
    """When what is known of it was last known to be so."""
    return max(told.at, seen_before or told.at)


def _refers_to_nothing(finding: Finding) -> bool:
    """Whether it is a prefix list to which no group refers, as far as can be seen."""
    state = finding.seen
    return isinstance(state, PrefixListState) and state.is_complete and not state.groups
