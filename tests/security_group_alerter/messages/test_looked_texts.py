"""Whole texts of alerts that were looked at, to be read as they are read at night."""

from dataclasses import replace
from typing import Final

from security_group_alerter.model.group_state import InternetGatewayBlockMode, Reach
from security_group_alerter.model.severity import Severity
from tests.security_group_alerter.builders import rule, with_judgement
from tests.security_group_alerter.messages.forms import FACTS, PLAIN, texts_of
from tests.security_group_alerter.messages.looks import (
    BALANCER,
    BASTION,
    ONLY_IPV6,
    ORDERS,
    SHOP,
    SSH_RULE,
    WORKER,
    looked,
    ssh,
    state,
)
from tests.stories import told

PUBLIC: Final = looked(
    ssh(),
    state(
        BASTION,
        SHOP,
        WORKER,
        ORDERS,
        BALANCER,
        ONLY_IPV6,
        tags={"Name": "web", "team": "payments"},
        rules=(SSH_RULE, replace(rule("tcp 443 from 0.0.0.0/0"), rule_id="sgr-0ddddddddddddddd")),
    ),
    Reach.PUBLIC,
)
PUBLIC_TEXT: Final = """\
CRITICAL: tcp 22 (SSH) open to the whole IPv4 Internet on 3 public interfaces

Group: sg-0123456789abcdef0 "web" in vpc-0123456789abcdef0
Group tags: Name=web and team=payments
Account: payments-production (111122223333), eu-central-1
Open since: 2026-11-23 03:05:12 UTC (04:05:12 Europe/Berlin), 5 h 54 min ago
By: session jane of role deploy; AWS CLI from 198.51.100.7
Ask: payments, the account's owner
OU: Root / Workloads
Why CRITICAL: SSH, remote access: one stolen password or unpatched bug gives an attacker the \
machine.

Close it (this rule only), with credentials of account 111122223333:
aws ec2 revoke-security-group-ingress --region eu-central-1 --group-id sg-0123456789abcdef0 \
--security-group-rule-ids sgr-0aaaaaaaaaaaaaaaa

WHAT CHANGED
AuthorizeSecurityGroupIngress
  + ingress tcp 22 (SSH) from 0.0.0.0/0, the whole IPv4 Internet [sgr-0aaaaaaaaaaaaaaaa]
  ! Also open in the group: tcp 443 (HTTPS) from 0.0.0.0/0 [sgr-0ddddddddddddddd].

ATTACHED TO
6 network interfaces, 3 of them public, seen at 03:12 UTC:
  instance i-0aaaaaaaaaaaaaaa1 "bastion": public 203.0.113.9, private 10.0.1.5
  instance i-0aaaaaaaaaaaaaaa2: public 203.0.113.9, private 10.0.1.5
  Application Load Balancer web: public 198.51.100.3, private 10.0.1.8
  instance i-0aaaaaaaaaaaaaaa3 "worker": private 10.0.2.7
  RDS database eni-0aaaaaaaaaaaaaaa4: private 10.0.3.4
  and 1 more, not public

WHAT TO DO
1. Not planned? Close it now. The command removes only what the call added.
2. Then find out who has connected since: VPC flow logs, the host's logins.
3. Planned? Narrow the range, or add it to accepted_openings.toml.

MORE
"""
PRIVATE: Final = with_judgement(
    looked(ssh(), state(WORKER, block_mode=InternetGatewayBlockMode.BIDIRECTIONAL), Reach.PRIVATE),
    severity=Severity.HIGH,
    lowered_from=Severity.CRITICAL,
)
PRIVATE_CHAT: Final = """\
"*Why CRITICAL:* SSH, remote access: one stolen password or unpatched bug gives an attacker \
the machine\\n\
*HIGH instead of CRITICAL:* no network interface with a public address uses the group\\n\
*Attached to:* 1 private instance: instance i-0aaaaaaaaaaaaaaa3 \\"worker\\" (10.0.2.7); \
seen at 03:12 UTC\\n"""


def test_email_of_an_opening_on_public_instances() -> None:
    [message] = told([PUBLIC], facts=FACTS, presentation=PLAIN)

    assert texts_of(message)["email"].startswith(PUBLIC_TEXT)


def test_chat_of_an_opening_that_nothing_public_carries() -> None:
    [message] = told([PRIVATE], facts=FACTS, presentation=PLAIN)

    assert PRIVATE_CHAT[1:] in texts_of(message)["https"]
    assert (
        "ATTACHED TO\n"
        "1 network interface, not public, seen at 03:12 UTC:\n"
        '  instance i-0aaaaaaaaaaaaaaa3 "worker": private 10.0.2.7\n'
        "VPC Block Public Access is on and blocks all traffic to and from internet gateways in "
        "this Region, except in excluded VPCs and subnets.\n"
    ) in texts_of(message)["email"]
