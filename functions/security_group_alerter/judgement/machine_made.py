"""Whether a machine made a call: an AWS service, CloudFormation, or a controller.

By what AWS vouches for: the service that made the call, the role, what the credentials were issued
to. Never by a user agent or a session name, which whoever makes the call can type. It decides only
where the digest counts a change.
"""

from __future__ import annotations

from ..model.principal import Principal

# --- What may be tuned ---------------------------------------------------------------------------

# A role is a controller's if its name has one of these in it, in small letters and without the
# characters between words. Most of them run in Kubernetes, and open what a person declared there.
CONTROLLER_ROLES = (
    "loadbalancercontroller",  # AmazonEKSLoadBalancerControllerRole, as Amazon EKS's guide calls it
    "ackec2controller",  # AWS Controllers for Kubernetes
    "karpenter",
    "crossplane",
    "clusterapiprovideraws",  # controllers.cluster-api-provider-aws.sigs.k8s.io
    "stacksetsexec",  # stacksets-exec-…, the role of service-managed CloudFormation StackSets
    "awscloudformationstacksetexecution",
)

# -------------------------------------------------------------------------------------------------

_BETWEEN_WORDS = str.maketrans("", "", "-_.@+=,")


def machine_of(principal: Principal) -> str | None:
    """The service or the role that made the call; None where it was a person, or may have been."""
    if principal.identity_type == "AWSService":
        return principal.person or "an AWS service"
    if principal.service_linked_role:
        return principal.role_name or principal.service_linked_role
    if principal.invoked_by:
        return principal.invoked_by
    role = principal.role_name
    if role and (principal.in_scope_of or _is_controller(role)):
        return role
    return None


def _is_controller(role_name: str) -> bool:
    name = role_name.lower().translate(_BETWEEN_WORDS)
    return any(part in name for part in CONTROLLER_ROLES)
