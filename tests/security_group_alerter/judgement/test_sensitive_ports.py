"""Which ports must not face the Internet. One line of the module is one row here."""

from itertools import combinations

import pytest

from security_group_alerter.judgement.sensitive_ports import (
    BROKER,
    CACHE,
    CLUSTER,
    DATABASE,
    DIRECTORY,
    FILE_SHARING,
    REMOTE_ACCESS,
    SEARCH,
    SENSITIVE_PORTS,
    SensitivePort,
    sensitive_ports_in,
)
from security_group_alerter.judgement.severities import WEB_PORTS
from security_group_alerter.model.rules import PROTOCOLS_WITH_PORTS, PortRange

NOT_SENSITIVE = {
    "web": ("tcp", 80, 80),
    "web-with-tls": ("tcp", 443, 443),
    "http-3": ("udp", 443, 443),
    "mail": ("tcp", 25, 25),
    "dns-over-udp": ("udp", 53, 53),
    "dns-over-tcp": ("tcp", 53, 53),
    "time": ("udp", 123, 123),
    "wireguard": ("udp", 51820, 51820),
    "an-application-of-ones-own": ("tcp", 8080, 8080),
    "ssh-is-not-spoken-over-udp": ("udp", 22, 22),
    "mysql-is-not-spoken-over-udp": ("udp", 3306, 3306),
    "syslog-over-udp-is-not-rsh": ("udp", 514, 514),
    "between-telnet-and-kerberos": ("tcp", 24, 87),
    "between-vnc-and-winrm": ("tcp", 5910, 5983),
    "port-zero": ("tcp", 0, 0),
    "the-highest-port": ("tcp", 65535, 65535),
    "a-protocol-without-such-ports": ("sctp", 22, 22),
}

# https://www.iana.org/assignments/service-names-port-numbers, and the manuals of the products.
SENSITIVE = {
    REMOTE_ACCESS: [
        ("tcp", 22, 22, "SSH"),
        ("tcp", 3389, 3389, "RDP"),
        ("udp", 3389, 3389, "RDP"),
        ("tcp", 23, 23, "Telnet"),
        ("tcp", 5985, 5986, "WinRM"),
        ("tcp", 5900, 5909, "VNC"),
        ("tcp", 6000, 6009, "X11"),
        ("tcp", 512, 514, "rexec, rlogin, rsh"),
    ],
    DATABASE: [
        ("tcp", 3306, 3306, "MySQL"),
        ("tcp", 33060, 33060, "MySQL X"),
        ("tcp", 5432, 5432, "PostgreSQL"),
        ("tcp", 1433, 1433, "SQL Server"),
        ("udp", 1434, 1434, "SQL Server Browser"),
        ("tcp", 1434, 1434, "SQL Server admin connection"),
        ("tcp", 1521, 1521, "Oracle"),
        ("tcp", 2483, 2484, "Oracle"),
        ("tcp", 5500, 5500, "Oracle Enterprise Manager"),
        ("tcp", 27017, 27019, "MongoDB"),
        ("tcp", 5439, 5439, "Redshift"),
        ("tcp", 9042, 9042, "Cassandra"),
        ("tcp", 9142, 9142, "Cassandra"),
        ("tcp", 7000, 7001, "Cassandra cluster"),
        ("tcp", 9160, 9160, "Cassandra Thrift"),
        ("tcp", 5984, 5984, "CouchDB"),
        ("tcp", 6984, 6984, "CouchDB"),
        ("tcp", 8091, 8096, "Couchbase"),
        ("tcp", 8086, 8086, "InfluxDB"),
        ("tcp", 8123, 8123, "ClickHouse"),
        ("tcp", 50000, 50000, "Db2"),
        ("tcp", 26257, 26257, "CockroachDB"),
        ("tcp", 7687, 7687, "Neo4j"),
        ("tcp", 7473, 7474, "Neo4j"),
        ("tcp", 8182, 8182, "Neptune"),
        ("tcp", 28015, 28015, "RethinkDB"),
        ("tcp", 4333, 4333, "mSQL"),
    ],
    CACHE: [
        ("tcp", 6379, 6380, "Redis"),
        ("tcp", 16379, 16379, "Redis cluster"),
        ("tcp", 26379, 26379, "Redis Sentinel"),
        ("tcp", 11211, 11211, "Memcached"),
        ("udp", 11211, 11211, "Memcached"),
    ],
    SEARCH: [
        ("tcp", 9200, 9200, "Elasticsearch"),
        ("tcp", 9300, 9300, "Elasticsearch cluster"),
        ("tcp", 5601, 5601, "Kibana"),
        ("tcp", 8983, 8983, "Solr"),
    ],
    BROKER: [
        ("tcp", 9092, 9098, "Kafka"),
        ("tcp", 2181, 2182, "ZooKeeper"),
        ("tcp", 5671, 5672, "RabbitMQ"),
        ("tcp", 15671, 15672, "RabbitMQ management"),
        ("tcp", 25672, 25672, "RabbitMQ cluster"),
        ("tcp", 4369, 4369, "Erlang port mapper"),
        ("tcp", 61616, 61617, "ActiveMQ"),
        ("tcp", 8161, 8162, "ActiveMQ console"),
        ("tcp", 61613, 61614, "STOMP"),
        ("tcp", 1414, 1414, "IBM MQ"),
        ("tcp", 1883, 1883, "MQTT"),
        ("tcp", 8883, 8883, "MQTT"),
        ("tcp", 4222, 4222, "NATS"),
        ("tcp", 6650, 6650, "Pulsar"),
    ],
    CLUSTER: [
        ("tcp", 2375, 2377, "Docker"),
        ("tcp", 6443, 6443, "Kubernetes API"),
        ("tcp", 10250, 10250, "kubelet"),
        ("tcp", 10255, 10255, "kubelet"),
        ("tcp", 2379, 2380, "etcd"),
        ("tcp", 8500, 8501, "Consul"),
        ("tcp", 8300, 8302, "Consul servers"),
        ("tcp", 8200, 8200, "Vault"),
        ("tcp", 4646, 4648, "Nomad"),
        ("tcp", 4505, 4506, "Salt"),
        ("tcp", 7077, 7077, "Spark"),
        ("tcp", 8088, 8088, "Hadoop YARN"),
        ("tcp", 9870, 9870, "Hadoop HDFS"),
        ("tcp", 50070, 50070, "Hadoop HDFS"),
    ],
    FILE_SHARING: [
        ("tcp", 445, 445, "SMB"),
        ("tcp", 139, 139, "NetBIOS"),
        ("udp", 137, 138, "NetBIOS"),
        ("tcp", 135, 135, "Windows RPC"),
        ("tcp", 2049, 2049, "NFS"),
        ("udp", 2049, 2049, "NFS"),
        ("tcp", 111, 111, "rpcbind"),
        ("udp", 111, 111, "rpcbind"),
        ("tcp", 20, 21, "FTP"),
        ("udp", 69, 69, "TFTP"),
        ("tcp", 873, 873, "rsync"),
        ("tcp", 548, 548, "AFP"),
        ("tcp", 988, 988, "Lustre"),
        ("tcp", 3260, 3260, "iSCSI"),
    ],
    DIRECTORY: [
        ("tcp", 389, 389, "LDAP"),
        ("udp", 389, 389, "LDAP"),
        ("tcp", 636, 636, "LDAPS"),
        ("tcp", 3268, 3269, "Active Directory catalog"),
        ("tcp", 88, 88, "Kerberos"),
        ("udp", 88, 88, "Kerberos"),
        ("tcp", 464, 464, "Kerberos passwords"),
        ("udp", 464, 464, "Kerberos passwords"),
    ],
}

RANGES = {
    "range-that-contains-ssh": ("tcp", 20, 25, ["SSH", "Telnet", "FTP"]),
    "range-that-ends-with-ssh": ("tcp", 22, 22, ["SSH"]),
    "range-that-begins-within-vnc": ("tcp", 5909, 5950, ["VNC"]),
    "range-that-ends-within-vnc": ("tcp", 5800, 5900, ["VNC"]),
    "one-port-within-vnc": ("tcp", 5905, 5905, ["VNC"]),
    "web-and-all-between": ("tcp", 80, 90, ["Kerberos"]),
    "over-tcp": ("tcp", 1434, 1434, ["SQL Server admin connection"]),
    "over-udp": ("udp", 1434, 1434, ["SQL Server Browser"]),
    "unrecorded-protocol-may-be-either": (
        None,
        1434,
        1434,
        ["SQL Server Browser", "SQL Server admin connection"],
    ),
}


@pytest.mark.parametrize(("protocol", "first", "last"), NOT_SENSITIVE.values(), ids=NOT_SENSITIVE)
def test_not_sensitive(protocol: str, first: int, last: int) -> None:
    assert sensitive_ports_in(protocol, PortRange(first, last)) == ()


def test_every_line_has_a_row() -> None:
    rows = {
        SensitivePort(protocol, PortRange(first, last), name, reason)
        for reason, ports in SENSITIVE.items()
        for protocol, first, last, name in ports
    }

    assert set(SENSITIVE_PORTS) == rows
    assert len(SENSITIVE_PORTS) == len(rows)


@pytest.mark.parametrize(
    "sensitive", SENSITIVE_PORTS, ids=lambda port: f"{port.protocol}-{port.ports.first}-{port.name}"
)
def test_first_and_last_port_are_found_and_those_beside_are_not(sensitive: SensitivePort) -> None:
    first, last = sensitive.ports.first, sensitive.ports.last

    for port in (first, last):
        assert sensitive_ports_in(sensitive.protocol, PortRange(port, port)) == (sensitive,)
    for port in (first - 1, last + 1):
        assert sensitive not in sensitive_ports_in(sensitive.protocol, PortRange(port, port))


@pytest.mark.parametrize(("protocol", "first", "last", "names"), RANGES.values(), ids=RANGES)
def test_range_names_all_that_it_touches(
    protocol: str | None, first: int, last: int, names: list[str]
) -> None:
    found = sensitive_ports_in(protocol, PortRange(first, last))

    assert [port.name for port in found] == names


def test_every_line_is_a_range_of_ports_under_a_protocol_that_has_ports() -> None:
    for sensitive in SENSITIVE_PORTS:
        assert sensitive.protocol in PROTOCOLS_WITH_PORTS
        assert 0 < sensitive.ports.first <= sensitive.ports.last <= 65535


def test_no_two_lines_name_the_same_port() -> None:
    for one, other in combinations(SENSITIVE_PORTS, 2):
        apart = one.ports.last < other.ports.first or other.ports.last < one.ports.first
        assert apart or one.protocol != other.protocol, f"{one.name} and {other.name}"


def test_what_is_meant_to_be_public_is_not_sensitive() -> None:
    for protocol, ranges in WEB_PORTS.items():
        for ports in ranges:
            assert sensitive_ports_in(protocol, ports) == ()
