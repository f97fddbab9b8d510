"""Deletes messages that the function can never decode, each after it was shown and confirmed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress

from tqdm import tqdm

from security_group_alerter.messages.text import plural

from .failed_deliveries import Message, records_in
from .failure_queue import FailureQueue
from .listing import Listing, bar_of

_QUESTION = "   Delete this message for good? Nothing brings it back. [y/N] "


def drop(
    queue: FailureQueue, message_ids: list[str], listing: Listing, ask: Callable[[], str] | None
) -> int:
    """Drop these messages; without `ask`, unconfirmed. Returns 1 if one of them was not dropped."""
    absent = dict.fromkeys(message_ids)
    dropped = 0
    with bar_of(listing.announce(queue)) as bar:
        for message in queue.messages():
            bar.update()
            if message.message_id in absent:
                del absent[message.message_id]
                listing.show(message)
                problem = _reason_to_keep(message, ask, listing)
                if problem is None:
                    queue.delete(message)
                    dropped += 1
                listing.say(f"   {problem or 'dropped     deleted from the queue'}")
            if not absent:
                break
    for message_id in absent:
        print(
            f"redrive: there is no message {message_id} in the queue that can be received now",
            file=sys.stderr,
        )
    named = len(dict.fromkeys(message_ids))
    left = plural(named - dropped, "message")
    listing.say(f"Dropped: {plural(dropped, 'message')}. Kept or not found: {left}.")
    return 0 if dropped == named else 1


def _reason_to_keep(
    message: Message, ask: Callable[[], str] | None, listing: Listing
) -> str | None:
    if records_in(message) is not None:
        return "kept        it can be decoded, so try it again: --invoke"
    if ask is None:
        return None
    # Without the bar on the line of the question.
    with tqdm.external_write_mode(file=listing.words):
        print(_QUESTION, end="", file=listing.words, flush=True)
        with suppress(EOFError):
            if ask().strip().lower() in {"y", "yes"}:
                return None
    return "kept        as you said"
