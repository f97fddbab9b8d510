"""One opening of SSH to the world: under other ids, and by other people."""

from typing import Any, Final

from tests.stories import story

Record = dict[str, Any]

OPENING: Final = story("ssh-opened-to-the-world-from-the-console")


def with_id(record: Record, event_id: object) -> Record:
    return record | {"eventID": event_id}


def by(person: str, number: int) -> Record:
    """An event of its own, by somebody else than the others: an alert of its own."""
    identity = OPENING["userIdentity"] | {
        "arn": f"{OPENING['userIdentity']['arn']}-{person}",
        "principalId": f"AROAEXAMPLE:{person}",
    }
    return with_id(OPENING, event_id(number)) | {"userIdentity": identity}


def event_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def by_different_people(number: int) -> list[Record]:
    return [by(f"person-{index}", index) for index in range(number)]
