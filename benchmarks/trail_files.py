"""Writes files as a trail does, fast: what is not ours is made and packed once, in blocks.

A file is one member of gzip, as CloudTrail writes it. Its packed blocks stand on their own, so that
each file puts them together in an order of its own, with records of ours between them.
"""

from __future__ import annotations

import json
import random
import struct
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

_BLOCKS: Final = 160
_BYTES_OF_A_BLOCK: Final = 100_000
_HEADER: Final = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
_NOTHING_MORE: Final = zlib.compress(b"", wbits=-zlib.MAX_WBITS)
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_BASE64: Final = f"{_LETTERS}{_LETTERS[:26].lower()}0189+/"


class _Block(NamedTuple):
    """A part of a file, as it is and packed."""

    text: bytes
    packed: bytes


class TrailFiles:
    """Files of records that are not ours, with some of ours; the same each time."""

    def __init__(self) -> None:
        self._chance = random.Random(17)  # noqa: S311
        self._blocks = [_block(self._chance) for _ in range(_BLOCKS)]
        self._begin = _packed(b'{"Records":[')
        # After the last record there is no comma.
        self._end = _packed(f"{_text(self._chance)}]}}".encode())

    def write(self, path: Path, size: float, ours: Iterable[str]) -> int:
        """Write about so many bytes, unpacked, with ours at random places; returns how many."""
        count = int(size / _BYTES_OF_A_BLOCK + self._chance.random())
        blocks = self._chance.choices(self._blocks, k=count)
        blocks += [_packed(f"{text},".encode()) for text in ours]
        self._chance.shuffle(blocks)
        crc = length = 0
        with path.open("wb") as file:
            file.write(_HEADER)
            for block in (self._begin, *blocks, self._end):
                crc = zlib.crc32(block.text, crc)
                length += len(block.text)
                file.write(block.packed)
            file.write(_NOTHING_MORE)
            file.write(struct.pack("<II", crc, length))
        return length


def _block(chance: random.Random) -> _Block:
    records: list[str] = []
    size = 0
    while size < _BYTES_OF_A_BLOCK:
        records.append(_text(chance))
        size += len(records[-1]) + 1
    return _packed("".join(f"{it}," for it in records).encode())


def _packed(text: bytes) -> _Block:
    """Ends at a byte, and refers to nothing before it."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return _Block(text, packer.compress(text) + packer.flush(zlib.Z_FULL_FLUSH))


# What fills the trail of a busy account: services that assume roles, decrypt, describe and store.


def _text(chance: random.Random) -> str:
    return json.dumps(_record(chance), separators=(",", ":"))


def _record(chance: random.Random) -> dict[str, Any]:
    service, name, is_read, request, response = chance.choice([*_calls(chance)])
    time = datetime(2026, 11, 17, tzinfo=UTC) + timedelta(seconds=chance.randrange(86_400))
    return {
        "eventVersion": "1.11",
        "userIdentity": _caller(chance, time),
        "eventTime": f"{time:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": "eu-central-1",
        "sourceIPAddress": str(IPv4Address(chance.randrange(10 << 24, 11 << 24))),
        "userAgent": chance.choice(_AGENTS),
        "requestParameters": request,
        "responseElements": response,
        "requestID": _uuid(chance),
        "eventID": _uuid(chance),
        "readOnly": is_read,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "222233334444",
        "eventCategory": "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": f"{service}.eu-central-1.amazonaws.com",
        },
    }


_AGENTS: Final = (
    "aws-sdk-java/2.31.9 Linux/6.1.141 md/io#sync md/http#Apache OpenJDK_64-Bit_Server_VM/21.0.7",
    "aws-sdk-go-v2/1.36.3 os/linux lang/go#1.24.4 md/GOOS#linux md/GOARCH#arm64 api/sts#1.33.19",
    "Boto3/1.40.2 md/Botocore#1.40.2 ua/2.1 os/linux#6.1.141 md/arch#aarch64 lang/python#3.13.5",
    "APN/1.0 HashiCorp/1.0 Terraform/1.12.2 terraform-provider-aws/6.2.0 aws-sdk-go-v2/1.36.3",
    "autoscaling.amazonaws.com",
)
_IAM: Final = "arn:aws:iam::222233334444"
_STS: Final = "arn:aws:sts::222233334444"
_ROLES: Final = ("web-service", "orders-worker", "eks-node", "ci-deployer", "data-pipeline")


def _calls(chance: random.Random) -> Iterator[tuple[str, str, bool, object, object]]:
    role = chance.choice(_ROLES)
    session = f"session-{chance.randrange(10**9)}"
    key = f"arn:aws:kms:eu-central-1:222233334444:key/{UUID(int=chance.randrange(20))}"
    expiration = f"Nov 17, 2026, {chance.randrange(1, 13)}:{chance.randrange(10, 60)}:00 PM"
    yield (
        "sts",
        "AssumeRole",
        True,
        {"roleArn": f"{_IAM}:role/{role}", "roleSessionName": session, "durationSeconds": 3600},
        {
            "credentials": {
                "accessKeyId": f"ASIA{_letters(chance, _LETTERS, 16)}",
                "sessionToken": _letters(chance, _BASE64, 300),
                "expiration": expiration,
            },
            "assumedRoleUser": {
                "assumedRoleId": f"AROA{_letters(chance, _LETTERS, 16)}:{session}",
                "arn": f"{_STS}:assumed-role/{role}/{session}",
            },
        },
    )
    context = {"aws:s3:arn": f"arn:aws:s3:::orders-{chance.randrange(30)}/{_uuid(chance)}"}
    algorithm = {"encryptionAlgorithm": "SYMMETRIC_DEFAULT"}
    yield "kms", "Decrypt", True, {"encryptionContext": context, "keyId": key} | algorithm, None
    spec = {"keyId": key, "keySpec": "AES_256", "encryptionContext": context}
    yield "kms", "GenerateDataKey", True, spec, None
    instances = [{"instanceId": f"i-{chance.randrange(16**17):017x}"} for _ in range(3)]
    described = {"instancesSet": {"items": instances}, "filterSet": {}}
    yield "ec2", "DescribeInstances", True, described, None
    interface = {"networkInterfaceId": f"eni-{chance.randrange(16**17):017x}", "force": False}
    yield "ec2", "DeleteNetworkInterface", False, interface, {"_return": True}


def _caller(chance: random.Random, time: datetime) -> dict[str, Any]:
    role, serial = chance.choice(_ROLES), chance.randrange(2000)
    unique = f"AROA{serial:016d}"
    return {
        "type": "AssumedRole",
        "principalId": f"{unique}:i-{serial:017x}",
        "arn": f"{_STS}:assumed-role/{role}/i-{serial:017x}",
        "accountId": "222233334444",
        "accessKeyId": f"ASIA{_letters(chance, _LETTERS, 16)}",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": unique,
                "arn": f"{_IAM}:role/{role}",
                "accountId": "222233334444",
                "userName": role,
            },
            "attributes": {
                "creationDate": f"{time - timedelta(minutes=30):%Y-%m-%dT%H:%M:%SZ}",
                "mfaAuthenticated": "false",
            },
            "ec2RoleDelivery": "2.0",
        },
    }


def _uuid(chance: random.Random) -> str:
    return str(UUID(int=chance.getrandbits(128)))


def _letters(chance: random.Random, letters: str, count: int) -> str:
    return "".join(chance.choices(letters, k=count))
