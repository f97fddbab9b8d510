"""As much of Amazon SNS, DynamoDB and Organizations as the function calls, on a loopback port.

It keeps what it received when the process that sent it is killed. (moto's own server would need
Flask.)
"""

import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

from local.aws import GROUP_MEMORY_TABLE, SEEN_EVENTS_TABLE, SentAlert

ACCOUNT: Final[dict[str, Any]] = {
    "Id": "222233334444",
    "Name": "payments-production",
    "State": "ACTIVE",
}
OU: Final = {"Id": "ou-abcd-12345678", "Name": "Workloads"}


class Published(NamedTuple):
    """A message: when it came (time.monotonic), its bytes as SNS counts them, its text by form."""

    at: float
    size: int
    messages: dict[str, str]


class LoopbackAws:
    """The state: what was sent, in order, what is marked, and how often each operation was called.

    `repeated_when_marked` are events that were sent although the table knew them. With
    `is_in_conflict`, no event is marked in a transaction.
    """

    def __init__(self) -> None:
        self.published: list[Published] = []
        self.sent: list[str] = []
        self.marked: set[str] = set()
        self.repeated_when_marked: set[str] = set()
        self.messages = 0
        self.calls: Counter[str] = Counter()
        # What was put, by its key; and one request at a time, as for an item of DynamoDB.
        self.items: dict[str, dict[str, Any]] = {}
        # What is remembered of each group.
        self.memories: dict[str, dict[str, Any]] = {}
        self._one_at_a_time = threading.Lock()
        self.is_in_conflict = False
        self.url = ""
        # What DescribeAccount says of any.
        self.account = ACCOUNT

    def forget(self) -> None:
        """As if nothing had ever been asked."""
        self.published.clear()
        self.sent.clear()
        self.marked.clear()
        self.repeated_when_marked.clear()
        self.messages = 0
        self.calls.clear()
        self.items.clear()
        self.memories.clear()

    def answer(self, operation: str, body: str) -> tuple[int, bytes]:
        """Do what is asked: the status and the body of the answer."""
        if operation == "PublishBatch":
            return 200, self._publish(parse_qs(body)).encode()
        if operation == "Publish":
            self.messages += 1
            return 200, _PUBLISHED
        # Other functions, to which ours is compared, have other tables: those take everything.
        if operation == "PutItem" and "event_id" in json.loads(body)["Item"]:
            status, answer = self._put(json.loads(body))
            return status, json.dumps(answer).encode()
        if (changes := _changes_of_items(operation, body)) is not None:
            status, answer = self._change(changes)
            return status, json.dumps(answer).encode()
        return 200, json.dumps(self._answer(operation, json.loads(body))).encode()

    def _publish(self, form: dict[str, list[str]]) -> str:
        entries = [name.removesuffix("Message") for name in form if name.endswith(".Message")]
        now = time.monotonic()
        for entry in entries:
            alert = SentAlert("", {}, json.loads(form[f"{entry}Message"][0]))
            # Subject, message, and the names, types and values of the attributes.
            counted = (text for name, [text] in form.items() if _is_counted(name, entry))
            size = sum(len(text.encode()) for text in counted)
            self.published.append(Published(now, size, alert.messages))
            self.messages += 1
            self.sent += alert.event_ids
            self.repeated_when_marked |= self.marked & set(alert.event_ids)
        taken = "".join(
            f"<member><Id>{form[f'{entry}Id'][0]}</Id><MessageId>m</MessageId></member>"
            for entry in entries
        )
        return (
            f"<PublishBatchResponse><PublishBatchResult><Successful>{taken}</Successful>"
            "<Failed/></PublishBatchResult></PublishBatchResponse>"
        )

    def _put(self, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Write the item, unless the condition fails for the one that is there.

        https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html
        """
        item = asked["Item"]
        key = item["event_id"]["S"]
        with self._one_at_a_time:
            there = self.items.get(key)
            if _holds(asked, there):
                self.items[key] = item
                return 200, {}
        return 400, _REFUSED | ({"Item": there} if there else {})

    def _change(self, changes: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        """Change all of these memories, and mark these events, or nothing of it.

        As UpdateItem and TransactWriteItems do.
        https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
        """
        with self._one_at_a_time:
            fits = [
                not (self.is_in_conflict and "Item" in it)
                and _holds(it, self.memories.get(_key_of_memory(it)))
                for it in changes
            ]
            if all(fits):
                for it in changes:
                    if "Item" in it:
                        self.marked.add(it["Item"]["event_id"]["S"])
                    else:
                        key = _key_of_memory(it)
                        self.memories[key] = _updated(it, self.memories.get(key, {}))
                return 200, {}
        if len(changes) == 1:
            return 400, _REFUSED
        reasons = [{"Code": "None" if it else "ConditionalCheckFailed"} for it in fits]
        return 400, _CANCELLED | {"CancellationReasons": reasons}

    def _answer(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        requests = asked.get("RequestItems", {})
        table = requests.get(SEEN_EVENTS_TABLE)
        match operation:
            case "BatchGetItem" if GROUP_MEMORY_TABLE in requests:
                keys = [key["resource"]["S"] for key in requests[GROUP_MEMORY_TABLE]["Keys"]]
                items = [self.memories[key] for key in keys if key in self.memories]
                return {"Responses": {GROUP_MEMORY_TABLE: items}, "UnprocessedKeys": {}}
            case "BatchGetItem":
                items = [key for key in table["Keys"] if key["event_id"]["S"] in self.marked]
                return {"Responses": {SEEN_EVENTS_TABLE: items}, "UnprocessedKeys": {}}
            case "BatchWriteItem":
                self.marked |= {it["PutRequest"]["Item"]["event_id"]["S"] for it in table}
                return {"UnprocessedItems": {}}
            case "DescribeAccount":
                return {"Account": self.account}
            case "ListParents":
                is_account = asked["ChildId"] == ACCOUNT["Id"]
                return {"Parents": [{"Id": OU["Id"] if is_account else "r-abcd"}]}
            case "DescribeOrganizationalUnit":
                return {"OrganizationalUnit": OU}
            case "PutItem" | "UpdateItem":
                return {}
            case "ListTagsForResource":
                return {"Tags": [{"Key": "Owner", "Value": "payments"}]}
            case _:
                raise ValueError(f"the function does not call {operation}")


def _changes_of_items(operation: str, body: str) -> list[dict[str, Any]] | None:
    """The changes that a call makes; None when it is another call, or of another table."""
    if operation not in {"UpdateItem", "TransactWriteItems"}:
        return None
    asked = json.loads(body)
    changes = [it for item in asked.get("TransactItems", [{"": asked}]) for it in item.values()]
    # Powertools, beside which the function is measured, updates what it marks.
    is_ours = all(
        it["TableName"] == (SEEN_EVENTS_TABLE if "Item" in it else GROUP_MEMORY_TABLE)
        for it in changes
    )
    return changes if is_ours else None


def _key_of_memory(change: dict[str, Any]) -> str:
    """The group that it is about; none for an event's mark."""
    key: str = change.get("Key", {}).get("resource", {}).get("S", "")
    return key


def _updated(update: dict[str, Any], there: dict[str, Any]) -> dict[str, Any]:
    """The item afterwards: the function sets its memory, or notes what was told beside it."""
    values, names = update["ExpressionAttributeValues"], update.get("ExpressionAttributeNames", {})
    told = there.get("told", {"M": {}})["M"]
    if ":memory" not in values:
        noted = {uid: values[name.replace("#uid", ":told")] for name, uid in names.items()}
        return there | {"told": {"M": told | noted}}
    item = {"memory": values[":memory"], "version": values[":next"], "told": {"M": told}}
    if ":expires" in values:
        item["expires"] = values[":expires"]
    return {**update["Key"], **item}


def _holds(asked: dict[str, Any], there: dict[str, Any] | None) -> bool:
    """Whether one of the alternatives of a condition is true: of the forms that are used here."""
    values = asked.get("ExpressionAttributeValues", {})
    for alternative in asked.get("ConditionExpression", "").split(" OR "):
        match alternative.split():
            case []:
                return True
            case [text] if text.startswith("attribute_"):
                if (there is None) is ("not_exists" in text):
                    return True
            case [name, "=", value]:
                if there is not None and there.get(name) == values[value]:
                    return True
            case [name, "<=", value]:
                if there is not None and float(there[name]["N"]) <= float(values[value]["N"]):
                    return True
            case _:
                raise ValueError(f"no condition of the function looks like this: {alternative}")
    return False


def _is_counted(name: str, entry: str) -> bool:
    texts = ("Subject", "Message", "Name", "DataType", "StringValue")
    return name.startswith(entry) and name.endswith(texts)


_REFUSED: Final[dict[str, Any]] = {
    "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
    "message": "The conditional request failed",
}
_CANCELLED: Final[dict[str, Any]] = {
    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "message": "Transaction cancelled",
}
_PUBLISHED: Final = (
    b"<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>"
)


@contextmanager
def loopback_aws(tls: ssl.SSLContext | None = None) -> Iterator[LoopbackAws]:
    """Listens on 127.0.0.1 at any free port, for HTTP or HTTPS."""
    aws = LoopbackAws()

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one piece: else each answer waits 40 ms for an acknowledgement.
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            target = self.headers.get("X-Amz-Target")
            operation = target.rpartition(".")[2] if target else parse_qs(body)["Action"][0]
            aws.calls[operation] += 1
            status, answer = aws.answer(operation, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002, its own name
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def finish_request(self, request: Any, client_address: Any) -> None:
            if tls is None:
                super().finish_request(request, client_address)
                return
            with tls.wrap_socket(request, server_side=True) as wrapped:
                super().finish_request(wrapped, client_address)

        def handle_error(self, request: object, client_address: object) -> None:
            """Whoever asked was killed."""

    with Server(("127.0.0.1", 0), Door) as server:
        port = server.server_address[1]
        aws.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield aws
        finally:
            server.shutdown()
            thread.join()


def environment_for(aws: LoopbackAws) -> dict[str, str]:
    """What the function's process needs to find it, and nothing of anybody's own settings."""
    return {
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "NO_PROXY": "127.0.0.1",
        "ALERT_TOPIC_ARN": "arn:aws:sns:eu-central-1:111122223333:alerts",
        "SEEN_EVENTS_TABLE": SEEN_EVENTS_TABLE,
        "GROUP_MEMORY_TABLE": GROUP_MEMORY_TABLE,
        "ACCOUNT_TAGS": "Owner",
        "POWERTOOLS_SERVICE_NAME": "security-group-alerter",
        "PYTHONPATH": "functions:.",
        "PYTHONHASHSEED": "0",
    }
