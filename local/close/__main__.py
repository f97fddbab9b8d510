"""Closes what is open to the Internet in one security group, with your own credentials.

GROUP is the ID of a security group, in the account and Region of your credentials (--profile,
--region). It shows the ingress rules that open the group to the Internet, as they are now, what
stays, who may put the rules back, and the command that opens the group again. Once you have
confirmed, it reads the group again, and revokes those rules by their IDs, unless anything in the
group has changed.

A rule opens the group if it lets in a quarter of the Internet, by itself or with others. The widest
go first: a narrower range stays if the group is closed without it. Egress is never touched.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from security_group_alerter.messages.text import plural, safe

from ..arguments import account_id, group_id
from ..aws_errors import action_of, code_of, is_denied, problem_of, words_of
from ..deployment import CLIENT_CONFIG
from ..program import run
from .group import CannotCloseError, Group, StandingRule, read_group
from .openers import openers_in
from .words import origin_lines, rule_lines, staying_lines, way_back

SIGN_IN = "sign in to the group's account (aws sso login, --profile, AWS_PROFILE, …)"
# A second attempt would find the rules gone that the first, whose answer was lost, revoked.
REVOKE_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 1, "mode": "standard"}
)
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
_GONE = frozenset({"InvalidPermission.NotFound", "InvalidSecurityGroupRuleId.NotFound"})
_WOULD_SUCCEED = "DryRunOperation"
_CHANGED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Here:
    """Where the credentials are valid, and whose they are."""

    account_id: str
    region: str
    caller: str

    def __str__(self) -> str:
        return f"account {self.account_id}, {self.region}"


def main(arguments: list[str] | None = None) -> int:
    """Close it. Returns 1 if the group is as open as before, 2 if it could not be closed."""
    options = _options(arguments)
    try:
        return _close(options)
    except CannotCloseError as error:
        problem = str(error)
    except (ClientError, BotoCoreError) as error:
        problem = _words_for(error)
    print(f"close: {' '.join(problem.split())}", file=sys.stderr)
    return 2


def clock() -> datetime:
    """As of when the rules are shown."""
    return datetime.now(UTC)


def _words_for(error: ClientError | BotoCoreError) -> str:
    if isinstance(error, NoRegionError):
        return "no Region is set: name the group's with --region"
    if isinstance(error, ClientError) and code_of(error) == "AuthFailure":
        return f"{words_of(error)}: {SIGN_IN}, or check that the Region is enabled there"
    if isinstance(error, ClientError) and is_denied(error):
        return f"you may not do {action_of(error)}: {words_of(error)}"
    what, todo = problem_of(error, sign_in=SIGN_IN)
    return f"{what}: {todo[:1].lower()}{todo[1:]}"


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.close",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="You need sts:GetCallerIdentity, ec2:DescribeSecurityGroups, "
        "ec2:DescribeSecurityGroupRules and\nec2:RevokeSecurityGroupIngress.\n\n"
        "Exit status: 0 if it is closed, or was; 1 if you did not confirm, or the group changed in "
        "between,\nso that nothing was revoked; 2 if it could not be closed.",
    )
    parser.add_argument("group", metavar="GROUP", type=group_id, help="as sg-0123456789abcdef0")
    parser.add_argument(
        "--port",
        type=_port,
        metavar="PORT",
        help="close only what is open on this port of TCP or UDP; a rule goes with all its ports",
    )
    parser.add_argument(
        "--account", type=account_id, metavar="ID", help="refuse if the credentials are of another"
    )
    parser.add_argument("--region", metavar="R", help="default: the one in your AWS settings")
    parser.add_argument("--profile", metavar="NAME", help="default: AWS_PROFILE, or the default")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="revoke nothing: ask EC2 whether you may, and change nothing",
    )
    options = parser.parse_args(arguments)
    if not options.yes and not options.dry_run and not sys.stdin.isatty():
        parser.error("it asks before it revokes, and standard input is not a terminal: --yes")
    return options


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a number up to 65535, found {text!r}")
    return int(text)


def _close(options: argparse.Namespace) -> int:
    session = boto3.Session(profile_name=options.profile, region_name=options.region)
    if session.region_name is None:
        raise NoRegionError
    here = _here(session, options.account)
    ec2 = _client(session, "ec2", CLIENT_CONFIG)
    group = read_group(ec2, options.group, place=str(here))
    if group.owner_id != here.account_id:
        # It is shared with this account, as with its VPC.
        raise CannotCloseError(
            f"{group.group_id} belongs to account {group.owner_id}, and these credentials are of "
            f"{here.account_id}: only its owner can change its rules"
        )
    openers = openers_in(group.ingress, port=options.port)
    _show(group, openers, here, options)
    if not openers:
        return 0
    revoker = _client(session, "ec2", REVOKE_CONFIG)
    if options.dry_run:
        return _try(revoker, group, openers)
    if not options.yes and not _is_confirmed(openers):
        print("Nothing was revoked, as you said.")
        return 1
    now = read_group(ec2, options.group, place=str(here))
    if now != group:
        return _refused(_changes(group, now))
    return _revoke(revoker, group, openers)


def _here(session: boto3.Session, expected: str | None) -> _Here:
    """Whose credentials these are. Raises CannotCloseError where they are of another account."""
    caller = _client(session, "sts", CLIENT_CONFIG).get_caller_identity()
    account_id = caller["Account"]
    if expected not in {None, account_id}:
        raise CannotCloseError(
            f"these credentials are of account {account_id}, not of {expected}: {SIGN_IN}"
        )
    return _Here(account_id=account_id, region=session.region_name, caller=caller["Arn"])


def _client(session: boto3.Session, service: str, config: Config) -> Any:
    make: Any = session.client
    return make(service, config=config)


# What is shown, and asked.


def _show(
    group: Group, openers: list[StandingRule], here: _Here, options: argparse.Namespace
) -> None:
    print(f"{group.group_id} ({safe(group.name, 80)}) in {here}\nas {here.caller}")
    where = "" if options.port is None else f" on port {options.port}"
    now = f"{clock():%Y-%m-%d %H:%M:%S} UTC"
    print()
    if openers:
        print(f"Opens it to the Internet{where}, as of {now}:")
        _say(rule_lines(openers))
    else:
        print(f"Nothing opens it to the Internet{where}, as of {now}.")
    for lines in (staying_lines(group, openers), origin_lines(group) if openers else ()):
        said = [*lines]
        if said:
            print()
            _say(said)
    if openers:
        command = way_back(group, openers, region=here.region, profile=options.profile)
        tagged = " (the rules' own tags are not in it)" if _has_tags(openers) else ""
        print(f"\nThis opens it again{tagged}:\n  {command}\n")
    sys.stdout.flush()


def _say(lines: Any) -> None:
    for line in lines:
        print(line)


def _has_tags(rules: list[StandingRule]) -> bool:
    return any(it.listed.get("Tags") for it in rules)


def _is_confirmed(openers: list[StandingRule]) -> bool:
    question = f"Revoke {'this rule' if len(openers) == 1 else f'these {len(openers)} rules'}?"
    print(f"{question} [y/N] ", end="", flush=True)
    with suppress(EOFError):
        return input().strip().lower() in {"y", "yes"}
    print()
    return False


# What is done.


def _changes(before: Group, now: Group) -> str:
    """What is different, by the ids of rules."""
    old = {it.rule_id: it for it in before.rules}
    new = {it.rule_id: it for it in now.rules}
    parts = {
        "gone": old.keys() - new.keys(),
        "new": new.keys() - old.keys(),
        "edited": {it for it in old.keys() & new.keys() if old[it] != new[it]},
    }
    words = [f"{what}: {', '.join(sorted(some))}" for what, some in parts.items() if some]
    return "; ".join(words) or "its name, description, tags or VPC"


def _refused(what: str) -> int:
    print(
        f"close: the group changed while you looked at it ({what}). Nothing was revoked: run it "
        "again, and look again",
        file=sys.stderr,
    )
    return _CHANGED


def _try(ec2: Any, group: Group, openers: list[StandingRule]) -> int:
    """Ask EC2 whether it would. It says yes by an error."""
    try:
        _call(ec2, group, openers, dry_run=True)
    except ClientError as error:
        if code_of(error) != _WOULD_SUCCEED:
            raise
    print(f"Dry run: you may revoke {plural(len(openers), 'rule')}. Nothing was revoked.")
    return 0


def _revoke(ec2: Any, group: Group, openers: list[StandingRule]) -> int:
    try:
        answer = _call(ec2, group, openers, dry_run=False)
    except ClientError as error:
        if code_of(error) in _GONE:
            return _refused(words_of(error))
        raise
    except BotoCoreError as error:
        raise CannotCloseError(
            f"EC2 did not answer, and may have revoked the rules all the same: run it again, which "
            f"shows what is there ({error})"
        ) from None
    # Older endpoints do not list what they revoked.
    revoked = {it["SecurityGroupRuleId"] for it in answer.get("RevokedSecurityGroupRules", [])}
    left = [it.rule_id for it in openers if revoked and it.rule_id not in revoked]
    if left or not answer.get("Return", True):
        raise CannotCloseError(
            f"EC2 did not revoke {', '.join(left) or 'the rules'}: run it again, which shows what "
            "is there"
        )
    print(f"Revoked: {plural(len(openers), 'rule')}.")
    return 0


def _call(ec2: Any, group: Group, openers: list[StandingRule], *, dry_run: bool) -> Any:
    return ec2.revoke_security_group_ingress(
        GroupId=group.group_id,
        SecurityGroupRuleIds=[it.rule_id for it in openers],
        DryRun=dry_run,
    )


if __name__ == "__main__":
    run("close", main, when_interrupted="run it again: it shows which rules are there")
