"""`make snooze`: reminders of one group stop until a day, with who and why; or it is refused."""

from datetime import date
from typing import Any, Final

import pytest

from local import snooze
from security_group_alerter.aws.group_items import kept_in
from security_group_alerter.aws.ledger_items import snooze_in
from security_group_alerter.memory.fold import fold
from security_group_alerter.memory.recollection import Recollection
from security_group_alerter.model.ledger import Snooze
from tests.local.cloud import MANAGEMENT, REGION, Run, Terminal
from tests.local.exposures.ledger_samples import (
    NOW,
    PAYMENTS,
    SSH,
    TABLE,
    WEB,
    LedgerSample,
    closed,
    group,
    opened,
)

GROUP: Final = group(1)
WHERE: Final = f"{GROUP.id} in account {PAYMENTS}, eu-central-1"
ME: Final = f"arn:aws:sts::{MANAGEMENT}:user/moto"
WHY: Final = ("--why", "vendor migrates")
SNOOZE: Final = (GROUP.id, "--until", "2026-12-24", *WHY)


@pytest.fixture
def reported(ledger: LedgerSample) -> LedgerSample:
    """SSH and HTTPS, of which one was reported, under a uid of its own."""
    ssh, _ = ledger.says(GROUP, opened(SSH, hours=51), opened(WEB, hours=3))
    ledger.reported(ssh, "uid-1")
    return ledger


def snoozed(ledger: LedgerSample) -> Snooze | None:
    return snooze_in(ledger.item(GROUP))


def test_what_is_open_now_is_snoozed(reported: LedgerSample, shell: Terminal) -> None:
    before = reported.item(GROUP)

    run = shell.run(snooze.main, *SNOOZE)

    assert (run.status, run.err) == (0, "")
    assert run.out.startswith("SEVERITY  OPEN FOR  IN ")
    assert run.out.endswith(f"\nSnoozed until 2026-12-24: 2 exposures, in {WHERE}.\n")
    [https] = [it for it in reported.says(GROUP) if it.openings[0].ports.first == 443]  # type: ignore[union-attr]
    assert snoozed(reported) == Snooze(
        until=date(2026, 12, 24),
        by=ME,
        why="vendor migrates",
        uids=frozenset({"uid-1", https.uid}),
        at=NOW,
    )
    # Nothing else of the item is touched.
    assert {k: v for k, v in reported.item(GROUP).items() if k != "snoozed"} == before


def test_only_that_is_written(reported: LedgerSample, shell: Terminal) -> None:
    shell.run(snooze.main, *SNOOZE)

    assert reported.aws.calls == {
        "cloudformation:DescribeStacks",
        "dynamodb:Query",
        "dynamodb:BatchGetItem",
        "sts:GetCallerIdentity",
        "dynamodb:UpdateItem",
    }


def test_what_the_functions_write_leaves_it(reported: LedgerSample, shell: Terminal) -> None:
    shell.run(snooze.main, *SNOOZE)
    before = snoozed(reported)

    reported.says(GROUP, closed(SSH))

    assert snoozed(reported) == before is not None


def test_a_snooze_replaces_the_one_before(reported: LedgerSample, shell: Terminal) -> None:
    shell.run(snooze.main, *SNOOZE)

    run = shell.run(snooze.main, GROUP.id, "--until", "2027-01-31", "--why", "takes longer")

    assert "This replaces: until 2026-12-24 by IAM user moto: vendor migrates.\n" in run.out
    kept = snoozed(reported)
    assert kept
    assert (kept.until, kept.why) == (date(2027, 1, 31), "takes longer")


@pytest.mark.parametrize("day", ["2026-11-29", "2027-11-29", "2027-11-30"])
def test_from_today_to_a_year_ahead(reported: LedgerSample, shell: Terminal, day: str) -> None:
    assert shell.run(snooze.main, GROUP.id, "--until", day, *WHY).status == 0
    assert snoozed(reported)


def test_it_is_taken_back(reported: LedgerSample, shell: Terminal) -> None:
    before = reported.item(GROUP)
    shell.run(snooze.main, *SNOOZE)

    run = shell.run(snooze.main, GROUP.id, "--end")

    assert run == Run(
        0, f"Ended, in {WHERE}: until 2026-12-24 by IAM user moto: vendor migrates.\n", ""
    )
    assert reported.item(GROUP) == before


def test_the_list(reported: LedgerSample, shell: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shell.run(snooze.main, "--list") == Run(0, "Nothing is snoozed.\n", "")
    other = group(2, "333344445555")
    reported.says(other, opened(hours=1))
    shell.run(snooze.main, *SNOOZE)
    shell.run(snooze.main, other.id, "--until", "2026-11-30", "--why", "a test")

    # A day after the second is over.
    monkeypatch.setattr(snooze, "clock", lambda: NOW.replace(month=12, day=1))
    run = shell.run(snooze.main, "--list")

    assert run == Run(
        0,
        f"{other.id} in account 333344445555, eu-central-1, 1 open exposure (over)\n"
        "  until 2026-11-30 by IAM user moto: a test\n"
        f"{WHERE}, 2 open exposures\n"
        "  until 2026-12-24 by IAM user moto: vendor migrates\n",
        "",
    )


def test_a_list_that_is_not_whole(reported: LedgerSample, shell: Terminal) -> None:
    break_item(reported)

    run = shell.run(snooze.main, "--list")

    assert run.status == 2
    assert run.err.startswith(f"snooze: what is kept of {WHERE} is broken: ")


def break_item(ledger: LedgerSample) -> None:
    ledger.client.update_item(
        TableName=TABLE,
        Key={"resource": ledger.item(GROUP)["resource"]},
        UpdateExpression="SET memory = :it",
        ExpressionAttributeValues={":it": {"B": b"broken"}},
    )


# Which group.


def test_a_group_of_several_accounts(reported: LedgerSample, shell: Terminal) -> None:
    # An id is unique in a Region; a shared VPC's group may be known in two accounts.
    other = group(1, "333344445555")
    reported.says(other, opened(hours=1))

    run = shell.run(snooze.main, *SNOOZE)
    assert run == Run(
        2,
        "",
        f"snooze: say which, with --account and --group-region: {WHERE}; {GROUP.id} in account "
        "333344445555, eu-central-1\n",
    )
    assert snoozed(reported) is None

    assert shell.run(snooze.main, *SNOOZE, "--account", PAYMENTS).status == 0
    assert snoozed(reported)
    assert snooze_in(reported.item(other)) is None


def test_a_group_of_several_regions(reported: LedgerSample, shell: Terminal) -> None:
    other = group(1, region="us-east-1")
    reported.says(other, opened(hours=1))

    assert shell.run(snooze.main, *SNOOZE).status == 2
    assert shell.run(snooze.main, *SNOOZE, "--group-region", "us-east-1").status == 0
    assert snooze_in(reported.item(other))
    assert snoozed(reported) is None


# It is refused.


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ((), ""),
        (("--account", "333344445555"), " of account 333344445555"),
        (("--account", PAYMENTS, "--group-region", "x"), f" of account {PAYMENTS} in x"),
    ],
    ids=["unknown-group", "of-another-account", "of-another-region"],
)
@pytest.mark.parametrize(
    "done", [("--until", "2026-12-24", *WHY), ("--end",)], ids=["snooze", "end"]
)
def test_an_unknown_group(
    reported: LedgerSample,
    shell: Terminal,
    arguments: tuple[str, ...],
    where: str,
    done: tuple[str, ...],
) -> None:
    group_id = GROUP.id if arguments else group(9).id

    assert shell.run(snooze.main, group_id, *done, *arguments) == Run(
        2,
        "",
        f"snooze: the ledger knows of nothing open in {group_id}{where}: see make exposures\n",
    )
    assert "dynamodb:UpdateItem" not in reported.aws.calls


def test_a_group_with_nothing_open(reported: LedgerSample, shell: Terminal) -> None:
    reported.says(GROUP, closed(SSH), closed(WEB))

    assert shell.run(snooze.main, *SNOOZE) == Run(
        2, "", f"snooze: nothing is open in {WHERE}, by the ledger\n"
    )
    assert snoozed(reported) is None


def test_nothing_to_take_back(reported: LedgerSample, shell: Terminal) -> None:
    assert shell.run(snooze.main, GROUP.id, "--end") == Run(
        2, "", f"snooze: nothing is snoozed in {WHERE}\n"
    )
    assert reported.aws.calls


def test_an_item_that_cannot_be_read(reported: LedgerSample, shell: Terminal) -> None:
    break_item(reported)

    run = shell.run(snooze.main, *SNOOZE)

    assert run.status == 2
    assert run.err.startswith(f"snooze: what is kept of {WHERE} is broken: ")
    assert snoozed(reported) is None


def test_an_item_that_goes_meanwhile(reported: LedgerSample, shell: Terminal) -> None:
    reported.aws.answers["BatchGetItem"] = lambda _: {"Responses": {}}
    assert shell.run(snooze.main, *SNOOZE).err == f"snooze: {GROUP.id} is in the ledger no more\n"

    def gone(request: dict[str, Any]) -> Any:
        del reported.aws.answers["GetCallerIdentity"]
        reported.client.delete_item(
            TableName=TABLE, Key={"resource": reported.item(GROUP)["resource"]}
        )
        return {"Arn": ME, **request}

    del reported.aws.answers["BatchGetItem"]
    reported.aws.answers["GetCallerIdentity"] = gone
    run = shell.run(snooze.main, *SNOOZE)

    # No item is made of it.
    assert run.status == 2
    assert run.err == f"snooze: the ledger's item of {WHERE} changed just now: run it again\n"
    assert not reported.client.scan(TableName=TABLE)["Items"]


def test_what_you_may_not(reported: LedgerSample, shell: Terminal) -> None:
    reported.aws.refuse("UpdateItem")

    assert shell.run(snooze.main, *SNOOZE) == Run(
        2, "", "snooze: UpdateItem: no. Get the permission\n"
    )


WRONG: Final = {
    "no-group": (("--until", "2026-12-24", *WHY), "name a group, or --list"),
    "no-id": (("web", "--until", "2026-12-24", *WHY), "expected an ID as sg-0123456789abcdef0"),
    "no-day": ((GROUP.id, *WHY), "say until when, with --until DAY"),
    "no-reason": ((GROUP.id, "--until", "2026-12-24"), "say why, with --why: others will ask"),
    "empty-reason": ((GROUP.id, "--until", "2026-12-24", "--why", " "), "say why"),
    "a-long-reason": (
        (GROUP.id, "--until", "2026-12-24", "--why", "x" * 501),
        "--why: at most 500 characters",
    ),
    "a-day-in-the-past": (
        (GROUP.id, "--until", "2026-11-28", *WHY),
        "--until: 2026-11-28 is over; today is 2026-11-29, in UTC",
    ),
    "more-than-a-year": ((GROUP.id, "--until", "2027-12-01", *WHY), "a year ahead at most"),
    "not-a-day": ((GROUP.id, "--until", "tomorrow", *WHY), "expected a day as 2026-12-24"),
    "an-account-of-no-form": ((*SNOOZE, "--account", "12"), "expected an account id of 12 digits"),
    "end-with-a-day": ((GROUP.id, "--end", "--until", "2026-12-24"), "--end goes without"),
    "list-with-a-group": (("--list", GROUP.id), "--list goes alone"),
    "list-with-an-account": (("--list", "--account", PAYMENTS), "--list goes alone"),
    "list-with-a-region": (("--list", "--group-region", REGION), "--list goes alone"),
    "list-with-a-reason": (("--list", *WHY), "--list goes alone"),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG)
def test_options_that_are_wrong(
    reported: LedgerSample,
    shell: Terminal,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    capsys.readouterr()
    said_by: list[str] = []

    class Said(Exception):  # noqa: N818
        pass

    def error(_: Any, message: str) -> Any:
        said_by.append(message)
        raise Said

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("argparse.ArgumentParser.error", error)
        with pytest.raises(Said):
            shell.run(snooze.main, *arguments)

    assert said in said_by[0]
    assert not reported.aws.calls


def test_what_is_snoozed_has_the_uids_of_its_alerts(ledger: LedgerSample, shell: Terminal) -> None:
    """HTTPS was told under the uid that SSH has by all that is known now."""
    ssh, https = ledger.says(GROUP, opened(SSH, hours=51), opened(WEB, hours=3))
    ledger.reported(https, ssh.uid)
    folds = {GROUP: fold(GROUP, kept_in(GROUP, ledger.item(GROUP)).memory)}
    told = {GROUP: kept_in(GROUP, ledger.item(GROUP)).told}
    known = Recollection(folds=folds, told=told)

    assert shell.run(snooze.main, *SNOOZE).status == 0

    kept = snoozed(ledger)
    assert kept is not None
    assert kept.uids == {known.uid_of(ssh), known.uid_of(https)}
    assert known.uid_of(ssh) != ssh.uid
