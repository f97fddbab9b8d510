"""The commands that undo a change, or the reason why there is none. None is ever invented.

Only values of AWS's own forms (model/ids.py) get into a command; a group's name is quoted.
https://docs.aws.amazon.com/cli/latest/reference/ec2/index.html
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta

from ..judgement.exposure import exposure_of
from ..model import ids
from ..model.alert import DeliveredFinding, Ended
from ..model.change import AttachmentChange, SecurityGroupChange
from ..model.dataclass import dataclass
from ..model.exposure import Breadth
from ..model.exposure_life import EndedHow
from ..model.record import Outcome
from ..model.rules import SecurityGroupRule
from ..model.subject import SubjectKind
from .people import actor_words, age_words, clock_words, lag_words

NOT_ENOUGH = "the record does not hold what a command needs"
EDITED_SINCE = "it was edited since, and the alert of the last edit says what it allows now"
# Windows takes no more for a whole command line. A thousand rules fit by their ids.
# https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-createprocessw
LONGEST_COMMAND = 32_000
_NOUNS = {SubjectKind.SECURITY_GROUP: "group", SubjectKind.PREFIX_LIST: "prefix list"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A way back. `words` are service, name and options.

    `does` says what it does where a call has more than one way back. `warning` says what a command
    lets in again: no machine is handed such a command.
    """

    words: Sequence[str]
    does: str | None = None
    warning: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A complete AWS CLI command, with what a `Step` says of it."""

    text: str
    does: str | None = None
    warning: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """The commands, the one that closes the most first, or the reason why there are none."""

    commands: tuple[Command, ...] = ()
    reason: str | None = None


class NoUndoError(ValueError):
    """There is no command; the text is the reason, as an alert says it."""


def undo_of(entry: DeliveredFinding, steps: Callable[[], Iterator[Step]]) -> Undo:
    """The commands in the finding's Region. `steps` may raise NoUndoError."""
    finding = entry.finding
    if finding.outcome is not Outcome.SUCCEEDED:
        return Undo(reason="nothing changed")
    if entry.ended is not None and not (entry.stays_open or _is_some_left(entry)):
        # What ended it is said above. The rule of an edit stands, as far as is known.
        is_edit = entry.ended.how is EndedHow.MODIFIED and entry.standing is None
        is_edited = entry.ended.is_edited or is_edit
        return Undo(reason=EDITED_SINCE if is_edited else "there is nothing left to undo")
    commands: list[Command] = []
    reason = "it would be too long"
    try:
        region = needed(ids.REGION, finding.subject.region, "Region")
        for step in steps():
            command = _command(step, region)
            if len(command.text) <= LONGEST_COMMAND:
                commands.append(command)
    except NoUndoError as error:
        reason = str(error)
    return Undo(commands=tuple(commands), reason=None if commands else reason)


def _is_some_left(entry: DeliveredFinding) -> bool:
    """Whether rules stand: others than what let the Internet in, or those that refer to a list.

    They would let in what the list may hold again.
    """
    is_list = entry.finding.subject.kind is SubjectKind.PREFIX_LIST
    by_a_list = entry.ended is not None and entry.ended.how is EndedHow.PREFIX_LIST and not is_list
    by_a_list = by_a_list and not _is_all_gone(entry)
    return by_a_list or (entry.ended is not None and entry.ended.in_part)


def _is_all_gone(entry: DeliveredFinding) -> bool:
    """Whether all that the call added was revoked, or the group has no rules any more."""
    change = entry.finding.change
    is_revoked = isinstance(change, SecurityGroupChange) and entry.revoked.issuperset(change.added)
    return is_revoked or entry.standing == ()


def _command(step: Step, region: str) -> Command:
    service, name, *options = step.words
    text = shlex.join(["aws", service, name, "--region", region, *options])
    return Command(text=text, does=step.does, warning=step.warning)


def ended_words(entry: DeliveredFinding) -> str | None:
    """`the group was deleted at 09:12:03 UTC`; None while what was done still stands."""
    if entry.ended is None:
        return None
    if entry.stays_open is not None and entry.ended.how is not EndedHow.PREFIX_LIST:
        return taken_words(entry.ended, entry.finding.subject.kind)
    rest = ", except what is accepted" if _is_accepted_left(entry) else ""
    return f"{_over_words(entry, entry.ended)}{rest}"


def _is_accepted_left(entry: DeliveredFinding) -> bool:
    """Whether rules that let the Internet in stand, since accepted openings cover them."""
    judgement, change = entry.finding.judgement, entry.finding.change
    if judgement.unaccepted is None or not (entry.ended and entry.ended.in_part):
        return False
    rules: Iterable[SecurityGroupRule] = (it for of in judgement.groups for it in of.rules)
    if isinstance(change, SecurityGroupChange):
        rules = change.added
    gone = entry.revoked | entry.edited
    left = (it for it in rules if it not in gone and judgement.is_accepted(it))
    return exposure_of(left).breadth >= Breadth.BROAD


def _over_words(entry: DeliveredFinding, ended: Ended) -> str:
    when = when_words(ended)
    what = f"{'the last of ' if ended.in_steps else ''}what the call"
    match ended.how:
        case EndedHow.REVOKED:
            return f"{_revoked_words(entry, ended)} {when}"
        case EndedHow.MODIFIED:
            return f"{what} opened was closed by an edit {when}"
        case EndedHow.PREFIX_LIST:
            return f"the prefix list was edited {when} and no longer lets this in"
        case EndedHow.SEEN:
            return f"a look {when} no longer shows what the call opened"
        case EndedHow.ACCOUNT_LEFT:
            return f"the account left the organization or switched the Region off {when}"
        case EndedHow.DELETED:
            return f"the {_NOUNS.get(entry.finding.subject.kind, 'trail')} was deleted {when}"


def _revoked_words(entry: DeliveredFinding, ended: Ended) -> str:
    last = "the last of " if ended.in_steps else ""
    if isinstance(entry.finding.change, AttachmentChange):
        return f"{last}what let the Internet in was revoked"
    if ended.in_part and not entry.revoked:
        ports = "the last ports" if ended.in_steps else "the ports"
        return f"{ports} were closed to the world when another rule was revoked"
    gone = entry.moment.gone if entry.moment else None
    # Another rule may have kept open for longer what the call opened.
    is_kept_open = gone is not None and gone.event.time != ended.at
    if ended.in_part or ended.is_edited or is_kept_open:
        return f"{last}what the call opened to the Internet was revoked"
    return f"{last}what the call added was revoked"


def taken_words(taken: Ended, kind: SubjectKind) -> str:
    """`the rule was edited at 03:10:00 UTC`: where that closed nothing."""
    when = when_words(taken)
    if taken.how is EndedHow.SEEN:
        return f"a look {when} no longer shows what the call added"
    if kind is SubjectKind.PREFIX_LIST:
        return f"the prefix list was edited {when}"
    if taken.how is EndedHow.MODIFIED:
        return f"the rule was edited {when}"
    return f"{'the last of ' if taken.in_steps else ''}what the call added was revoked {when}"


def when_words(ended: Ended) -> str:
    """`at 09:12:03 UTC`, or `later` where that is not known."""
    return f"at {clock_words(ended.at)}" if ended.at else "later"


def stood_for(entry: DeliveredFinding) -> str | None:
    """` for 36 min`: how long what had ended stood, for a headline; empty where that is not known.

    `up to` where some of it stood for less. None of what stands, and of what was refused.
    """
    ended, record = entry.ended, entry.finding.record
    if ended is None or entry.finding.outcome is not Outcome.SUCCEEDED:
        return None
    if ended.at is None or record is None or record.event_time is None:
        return ""
    stood = ended.at - record.event_time
    words = lag_words(stood) if stood < timedelta(minutes=1) else age_words(stood)
    bound = "up to " if ended.in_steps else ""
    return f" for {'at most ' if ended.how is EndedHow.SEEN else bound}{words}"


def stood_words(entry: DeliveredFinding) -> str | None:
    """`it stood for 4 min 3 s, until IAM user jane ended it`; None where that is not known.

    `the rest stood …` where a part of it, which is named, stands; `the last of it stood …` where
    some stood for less.
    """
    ended, record = entry.ended, entry.finding.record
    if ended is None or ended.at is None or record is None or record.event_time is None:
        return None
    stood = lag_words(ended.at - record.event_time)
    whole = "the last of it" if ended.in_steps else "it"
    what = "the rest" if entry.stays_open else whole
    if ended.how is EndedHow.SEEN:
        return f"{what} stood for {stood} at most; which call ended it is not known"
    # Where the severity was lowered for it, that is said there.
    if ended.principal is None or entry.finding.judgement.lowered_from is not None:
        return None
    is_same = ended.principal == record.principal.arn
    who = "the same principal" if is_same else actor_words(ended.principal)
    return f"{what} stood for {stood}, until {who} ended it"


def needed(form: re.Pattern[str], value: str | None, what: str) -> str:
    """The value when it has this form; else raises NoUndoError, which says what is wrong."""
    if value is None:
        raise NoUndoError(NOT_ENOUGH)
    if not form.fullmatch(value):
        raise NoUndoError(f"the {what} in the record does not have the form of one of AWS's")
    return value
