"""How Amazon SNS carries an alert, and what became of it."""

from __future__ import annotations

from .dataclass import dataclass
from .ledger import ExposureNews
from .seen import Mark

# Amazon SNS takes 256 KiB for a message with its attributes, and for a whole batch.
# https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
LARGEST_MESSAGE = 256 * 1024
# The attribute `kind` of a digest. No finding is of this kind.
DIGEST = "digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A subject, attributes to filter by, and one text for each protocol.

    `body` is the JSON object of `MessageStructure: json`. `marks` are what is remembered of the
    events in it once they have been alerted; `exposures` are those that it tells of.
    """

    subject: str
    attributes: dict[str, str]
    body: str
    event_ids: tuple[str, ...]
    marks: tuple[Mark, ...]
    exposures: tuple[ExposureNews, ...] = ()

    @property
    def size(self) -> int:
        """Bytes, as Amazon SNS counts them."""
        texts = (self.subject, self.body, *self.attributes, *self.attributes.values())
        in_all = sum(len(it) if it.isascii() else len(it.encode()) for it in texts)
        return in_all + len("String") * len(self.attributes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of a message: Amazon SNS took it, or `refusal` says why not."""

    message: Message
    refusal: str | None = None
