"""What checkov finds in the templates is fixed, or excepted with a reason that holds."""

import json
import tomllib
from typing import Any

import pytest

from local import checkov
from local.checkov import EXCEPTIONS, complaints, exceptions_in, findings_in
from local.template import read_template

BUCKET = {
    "check_id": "CKV_AWS_18",
    "check_name": "Ensure the S3 bucket has access logging enabled",
    "file_path": "/template.yaml",
    "resource": "AWS::S3::Bucket.TrailBucket",
}
FOUND = {("CKV_AWS_18", "template.yaml TrailBucket"): BUCKET["check_name"]}


def report(*failed: dict[str, str], errors: int = 0) -> dict[str, Any]:
    results = {"failed_checks": list(failed), "parsing_errors": ["template.yaml"] * errors}
    return {
        "check_type": "cloudformation",
        "results": results,
        "summary": {"parsing_errors": errors},
    }


@pytest.mark.parametrize("answer", [report(BUCKET), [report(BUCKET), report()]])
def test_what_checkov_finds(answer: object) -> None:
    assert findings_in(json.dumps(answer)) == FOUND


def test_a_template_that_checkov_cannot_read_is_no_success() -> None:
    with pytest.raises(ValueError, match=r"could not read .*template\.yaml"):
        findings_in(json.dumps(report(errors=1)))


def test_a_finding_without_a_reason_is_a_complaint_and_so_is_an_old_exception() -> None:
    assert list(complaints(FOUND, {})) == [
        "CKV_AWS_18 template.yaml TrailBucket: Ensure the S3 bucket has access logging enabled"
    ]
    assert list(complaints({}, FOUND)) == [
        "CKV_AWS_18 template.yaml TrailBucket: checkov no longer finds it; remove it from "
        "checkov_exceptions.toml"
    ]
    assert list(complaints(FOUND, FOUND)) == []


@pytest.mark.parametrize(("excepted", "status"), [(FOUND, 0), ({}, 1)])
def test_the_exit_status(
    excepted: dict[tuple[str, str], str], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkov, "run", lambda _templates: json.dumps(report(BUCKET)))
    monkeypatch.setattr(checkov, "exceptions_in", lambda _text: excepted)

    assert checkov.main(["template.yaml"]) == status


def test_every_exception_has_a_reason_and_is_about_a_resource_that_exists() -> None:
    text = EXCEPTIONS.read_text(encoding="utf-8")
    excepted = exceptions_in(text)

    assert len(excepted) == sum(len(it["resources"]) for it in tomllib.loads(text)["exception"])
    for (_, resource), reason in excepted.items():
        path, name = resource.split()
        assert name in read_template(checkov.ROOT / path)["Resources"]
        assert len(reason) > 40, resource
