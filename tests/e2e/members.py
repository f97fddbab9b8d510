"""Member accounts: the role that looks into them, and what stands behind a group there."""

from dataclasses import dataclass
from typing import Any, Final

from local.deliveries import TRAIL_REGION
from tests.e2e.emulator import Emulator
from tests.e2e.waiting import wait_for
from tests.stories import ROOT

TEMPLATE: Final = ROOT / "stacks/look-role.yaml"
ROLE_STACK: Final = "look-role"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A security group that lets the whole IPv4 Internet in by SSH, in a VPC of its own."""

    id: str
    rule_id: str
    vpc_id: str
    subnet_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """An instance with a network interface that carries the group."""

    id: str
    interface_id: str
    private_address: str
    public_address: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An account, in one Region."""

    emulator: Emulator
    account_id: str
    region: str = TRAIL_REGION

    @property
    def ec2(self) -> Any:
        return self.emulator.client("ec2", self.account_id, self.region)

    def deploy_look_role(self, **parameters: str) -> None:
        """Deploy the template of the role, as a stack set does in each account."""
        cloudformation = self.emulator.client("cloudformation", self.account_id)
        cloudformation.create_stack(
            StackName=ROLE_STACK,
            TemplateBody=TEMPLATE.read_text(encoding="utf-8"),
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in parameters.items()
            ],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        wait_for(lambda: self._role_stack_is("CREATE_COMPLETE"), "look role")

    def delete_look_role(self) -> None:
        """Delete it with its stack, as a stack set does when the account leaves its targets."""
        cloudformation = self.emulator.client("cloudformation", self.account_id)
        [stack] = cloudformation.describe_stacks(StackName=ROLE_STACK)["Stacks"]
        cloudformation.delete_stack(StackName=ROLE_STACK)
        wait_for(
            lambda: self._role_stack_is("DELETE_COMPLETE", stack["StackId"]),
            "end of the look role",
        )

    def _role_stack_is(self, status: str, name: str = ROLE_STACK) -> bool:
        cloudformation = self.emulator.client("cloudformation", self.account_id)
        [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        reason = f"{stack['StackStatus']}: {stack.get('StackStatusReason')}"
        assert not stack["StackStatus"].endswith(("FAILED", "ROLLBACK_COMPLETE")), reason
        return bool(stack["StackStatus"] == status)

    def open_group(self, name: str) -> Group:
        vpc_id = self.ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        subnet = self.ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.20.1.0/24")["Subnet"]
        group_id = self.ec2.create_security_group(
            GroupName=name, Description="Access by SSH", VpcId=vpc_id
        )["GroupId"]
        ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
        [rule] = self.ec2.authorize_security_group_ingress(
            GroupId=group_id, IpPermissions=[ssh | {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        )["SecurityGroupRules"]
        return Group(
            id=group_id,
            rule_id=rule["SecurityGroupRuleId"],
            vpc_id=vpc_id,
            subnet_id=subnet["SubnetId"],
        )

    def attach_instance(self, group: Group, name: str, *, is_public: bool = False) -> Instance:
        """Start an instance behind the group, with an Elastic IP address if it is public."""
        tags = {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}
        [started] = self.ec2.run_instances(
            ImageId="ami-0123456789abcdef0",
            MinCount=1,
            MaxCount=1,
            SubnetId=group.subnet_id,
            TagSpecifications=[tags],
        )["Instances"]
        instance_id = started["InstanceId"]
        interface = self.ec2.create_network_interface(SubnetId=group.subnet_id, Groups=[group.id])[
            "NetworkInterface"
        ]
        interface_id = interface["NetworkInterfaceId"]
        self.ec2.attach_network_interface(
            NetworkInterfaceId=interface_id, InstanceId=instance_id, DeviceIndex=1
        )
        public_address = self.make_public(interface_id) if is_public else None
        return Instance(
            id=instance_id,
            interface_id=interface_id,
            private_address=interface["PrivateIpAddress"],
            public_address=public_address,
        )

    def make_public(self, interface_id: str) -> str:
        """Give a network interface an Elastic IP address."""
        address = self.ec2.allocate_address(Domain="vpc")
        self.ec2.associate_address(
            AllocationId=address["AllocationId"], NetworkInterfaceId=interface_id
        )
        public_address: str = address["PublicIp"]
        return public_address
