"""Publishes the daily check's messages to the operations topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.health import Notice

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


def publish(client: SNSClient, topic_arn: str, notice: Notice) -> None:
    """Send one. Raises what botocore raises: the check then fails, and is tried again."""
    client.publish(TopicArn=topic_arn, Subject=notice.subject, Message=notice.text)
