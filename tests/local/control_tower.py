"""A trail with its bucket, in moto, as AWS Control Tower makes it."""

from typing import Any, Final

from tests.local.cloud import MANAGEMENT, REGION, Cloud

BUCKET: Final = "their-trail"
GROUP: Final = "aws-controltower/CloudTrailLogs"
TRAIL: Final = "aws-controltower-BaselineCloudTrail"


def make_bucket(aws: Cloud, name: str = BUCKET, region: str = REGION) -> None:
    aws.client("s3", region).create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": region}
    )


def make_trail(aws: Cloud, name: str = TRAIL, **changed: Any) -> None:
    """An organization trail that runs, as AWS Control Tower makes it."""
    region = changed.pop("region", REGION)
    if not aws.client("s3").list_buckets()["Buckets"]:
        make_bucket(aws)
    asked = {
        "S3BucketName": BUCKET,
        "IsOrganizationTrail": True,
        "IsMultiRegionTrail": True,
        "CloudWatchLogsLogGroupArn": f"arn:aws:logs:{region}:{MANAGEMENT}:log-group:{GROUP}:*",
    } | changed
    client = aws.client("cloudtrail", region)
    client.create_trail(Name=name, **{key: value for key, value in asked.items() if value})
    client.start_logging(Name=name)
