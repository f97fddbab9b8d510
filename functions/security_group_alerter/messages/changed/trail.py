"""What a call did to a trail."""

from __future__ import annotations

from ...model import ids
from ...model.change import Blinding, TrailAction, TrailChange
from ...model.finding import Finding
from ...model.record import Outcome
from ..limits import Limits
from ..people import NOT_RECORDED
from ..text import safe
from ..undo import NoUndoError, needed, undo_of
from .words import Changed, Weakened

_VERBS = {
    TrailAction.STOP: ("stop", "stopped"),
    TrailAction.DELETE: ("delete", "deleted"),
    TrailAction.UPDATE: ("change", "changed"),
    TrailAction.SELECT_EVENTS: ("change the events of", "given other event selectors"),
}
# A record shows how the trail is set up now, and not whether it was so before.
_BLINDED = {
    Blinding.STOPPED: "it no longer logs",
    Blinding.DELETED: "it is gone",
    Blinding.NOT_EVERY_REGION: "it does not cover every Region",
    Blinding.NO_MEMBER_ACCOUNTS: "it does not cover the organization's member accounts",
    Blinding.NO_LOG_GROUP: "it does not send events to CloudWatch Logs",
    Blinding.OTHER_LOG_GROUP: (
        "it sends its events to another log group, where no alerter listens"
    ),
    Blinding.READING_CALLS_ONLY: "it records only management events that read, no changes",
    Blinding.SOME_MANAGEMENT_EVENTS: "it records only some of the management events",
    Blinding.NO_MANAGEMENT_EVENTS: "it does not record management events",
}
_LOOKS = (
    ("Whether the trail logs", "cloudtrail get-trail-status --region {region} --name {id}"),
    # A trail that was blinded logs as before, only less.
    ("Which events it takes", "cloudtrail get-event-selectors --region {region} --trail-name {id}"),
    ("How it is set up", "cloudtrail get-trail --region {region} --name {id}"),
)


def trail_changed(finding: Finding, change: TrailChange, limits: Limits) -> Changed:
    """A trail that was stopped, deleted, set up otherwise or given other event selectors."""
    is_own, blinded = finding.judgement.is_own_trail, finding.judgement.blinded
    took_place = finding.outcome is Outcome.SUCCEEDED
    ways = tuple(_BLINDED[blinding] for blinding in blinded) if took_place else ()
    verb, past = _VERBS[change.action]
    if blinded and change.action in (TrailAction.UPDATE, TrailAction.SELECT_EVENTS):
        verb, past = "blind", "blinded"
    whose = "this alerter's own trail" if is_own else "trail"
    name = safe(change.trail.rpartition("/")[2], 60) if change.trail else "(name not recorded)"
    own = ("It is the trail that this alerter gets its records from.",) if is_own else ()
    return Changed(
        done=f"{whose} {name} {past}",
        to_do=f"{verb} {whose} {name}",
        before=(f"Trail: {safe(change.trail or NOT_RECORDED)}", *own),
        notes=tuple(f"{words[:1].upper()}{words[1:]}." for words in ways),
        undo=undo_of(finding, lambda: _undo(change)),
        looked_at=None
        if change.action is TrailAction.DELETE
        else ids.valid(ids.TRAIL, change.trail),
        looks=_LOOKS,
        resource_type="AWS::CloudTrail::Trail",
        weakens=Weakened.LOGS if blinded else None,
        facts={
            "action": change.action,
            "trail": limits.cut(change.trail),
            "is_own_trail": is_own,
            # Nothing follows from a call that was refused.
            "blinded": ways,
        },
    )


def _undo(change: TrailChange) -> list[str]:
    if change.action is not TrailAction.STOP:
        raise NoUndoError("how the trail was set up before is not recorded")
    return ["cloudtrail", "start-logging", "--name", needed(ids.TRAIL, change.trail)]
