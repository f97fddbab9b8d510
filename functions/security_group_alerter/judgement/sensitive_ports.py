"""Which ports must not face the Internet, and why. A new one is one line here.

Step 5 reads this table. A port that is not in it is "any other port", which is still HIGH when the
whole Internet reaches it.
"""

from __future__ import annotations

from functools import lru_cache

from ..model.dataclass import dataclass
from ..model.rules import PortRange

REMOTE_ACCESS = "remote access: one stolen password or unpatched bug gives an attacker the machine"
DATABASE = "database: holds the data itself, and brute force against it is automated"
CACHE = "cache: often without a password, holds sessions, and amplifies attacks"
SEARCH = "search: often without a password, and holds copies of the data"
BROKER = "message broker: what passes through can be read and forged"
CLUSTER = "container and cluster control: whoever reaches it can run code everywhere"
FILE_SHARING = "file sharing: made for trusted networks, and used by worms to spread"
DIRECTORY = "directory: lists and guards every user and password"


@dataclass(frozen=True, slots=True)
class SensitivePort:
    """One service's ports under one protocol, its name for people, and why it is here."""

    protocol: str
    ports: PortRange
    name: str
    reason: str


def _tcp(first: int, name: str, reason: str, last: int | None = None) -> SensitivePort:
    return SensitivePort("tcp", PortRange(first, last or first), name, reason)


def _udp(first: int, name: str, reason: str, last: int | None = None) -> SensitivePort:
    return SensitivePort("udp", PortRange(first, last or first), name, reason)


# Those that people know best stand first in each group: they are named first in an alert.
# https://www.iana.org/assignments/service-names-port-numbers, and each product's own manual.
SENSITIVE_PORTS: tuple[SensitivePort, ...] = (
    _tcp(22, "SSH", REMOTE_ACCESS),
    _tcp(3389, "RDP", REMOTE_ACCESS),
    _udp(3389, "RDP", REMOTE_ACCESS),
    _tcp(23, "Telnet", REMOTE_ACCESS),
    _tcp(5985, "WinRM", REMOTE_ACCESS, 5986),
    _tcp(5900, "VNC", REMOTE_ACCESS, 5909),
    _tcp(6000, "X11", REMOTE_ACCESS, 6009),
    _tcp(512, "rexec, rlogin, rsh", REMOTE_ACCESS, 514),
    _tcp(3306, "MySQL", DATABASE),
    _tcp(33060, "MySQL X", DATABASE),
    _tcp(5432, "PostgreSQL", DATABASE),
    _tcp(1433, "SQL Server", DATABASE),
    _udp(1434, "SQL Server Browser", DATABASE),
    _tcp(1434, "SQL Server admin connection", DATABASE),
    _tcp(1521, "Oracle", DATABASE),
    _tcp(2483, "Oracle", DATABASE, 2484),
    _tcp(5500, "Oracle Enterprise Manager", DATABASE),
    _tcp(27017, "MongoDB", DATABASE, 27019),
    _tcp(5439, "Redshift", DATABASE),
    _tcp(9042, "Cassandra", DATABASE),
    _tcp(9142, "Cassandra", DATABASE),
    _tcp(7000, "Cassandra cluster", DATABASE, 7001),
    _tcp(9160, "Cassandra Thrift", DATABASE),
    _tcp(5984, "CouchDB", DATABASE),
    _tcp(6984, "CouchDB", DATABASE),
    _tcp(8091, "Couchbase", DATABASE, 8096),
    _tcp(8086, "InfluxDB", DATABASE),
    _tcp(8123, "ClickHouse", DATABASE),
    _tcp(50000, "Db2", DATABASE),
    _tcp(26257, "CockroachDB", DATABASE),
    _tcp(7687, "Neo4j", DATABASE),
    _tcp(7473, "Neo4j", DATABASE, 7474),
    _tcp(8182, "Neptune", DATABASE),
    _tcp(28015, "RethinkDB", DATABASE),
    _tcp(4333, "mSQL", DATABASE),
    _tcp(6379, "Redis", CACHE, 6380),
    _tcp(16379, "Redis cluster", CACHE),
    _tcp(26379, "Redis Sentinel", CACHE),
    _tcp(11211, "Memcached", CACHE),
    _udp(11211, "Memcached", CACHE),
    _tcp(9200, "Elasticsearch", SEARCH),
    _tcp(9300, "Elasticsearch cluster", SEARCH),
    _tcp(5601, "Kibana", SEARCH),
    _tcp(8983, "Solr", SEARCH),
    _tcp(9092, "Kafka", BROKER, 9098),
    _tcp(2181, "ZooKeeper", BROKER, 2182),
    _tcp(5671, "RabbitMQ", BROKER, 5672),
    _tcp(15671, "RabbitMQ management", BROKER, 15672),
    _tcp(25672, "RabbitMQ cluster", BROKER),
    _tcp(4369, "Erlang port mapper", BROKER),
    _tcp(61616, "ActiveMQ", BROKER, 61617),
    _tcp(8161, "ActiveMQ console", BROKER, 8162),
    _tcp(61613, "STOMP", BROKER, 61614),
    _tcp(1414, "IBM MQ", BROKER),
    _tcp(1883, "MQTT", BROKER),
    _tcp(8883, "MQTT", BROKER),
    _tcp(4222, "NATS", BROKER),
    _tcp(6650, "Pulsar", BROKER),
    _tcp(2375, "Docker", CLUSTER, 2377),
    _tcp(6443, "Kubernetes API", CLUSTER),
    _tcp(10250, "kubelet", CLUSTER),
    _tcp(10255, "kubelet", CLUSTER),
    _tcp(2379, "etcd", CLUSTER, 2380),
    _tcp(8500, "Consul", CLUSTER, 8501),
    _tcp(8300, "Consul servers", CLUSTER, 8302),
    _tcp(8200, "Vault", CLUSTER),
    _tcp(4646, "Nomad", CLUSTER, 4648),
    _tcp(4505, "Salt", CLUSTER, 4506),
    _tcp(7077, "Spark", CLUSTER),
    _tcp(8088, "Hadoop YARN", CLUSTER),
    _tcp(9870, "Hadoop HDFS", CLUSTER),
    _tcp(50070, "Hadoop HDFS", CLUSTER),
    _tcp(445, "SMB", FILE_SHARING),
    _tcp(139, "NetBIOS", FILE_SHARING),
    _udp(137, "NetBIOS", FILE_SHARING, 138),
    _tcp(135, "Windows RPC", FILE_SHARING),
    _tcp(2049, "NFS", FILE_SHARING),
    _udp(2049, "NFS", FILE_SHARING),
    _tcp(111, "rpcbind", FILE_SHARING),
    _udp(111, "rpcbind", FILE_SHARING),
    _tcp(20, "FTP", FILE_SHARING, 21),
    _udp(69, "TFTP", FILE_SHARING),
    _tcp(873, "rsync", FILE_SHARING),
    _tcp(548, "AFP", FILE_SHARING),
    _tcp(988, "Lustre", FILE_SHARING),
    _tcp(3260, "iSCSI", FILE_SHARING),
    _tcp(389, "LDAP", DIRECTORY),
    _udp(389, "LDAP", DIRECTORY),
    _tcp(636, "LDAPS", DIRECTORY),
    _tcp(3268, "Active Directory catalog", DIRECTORY, 3269),
    _tcp(88, "Kerberos", DIRECTORY),
    _udp(88, "Kerberos", DIRECTORY),
    _tcp(464, "Kerberos passwords", DIRECTORY),
    _udp(464, "Kerberos passwords", DIRECTORY),
)


# Asked several times for each opening, about few ports.
@lru_cache(maxsize=1024)
def sensitive_ports_in(protocol: str | None, ports: PortRange) -> tuple[SensitivePort, ...]:
    """Those that the range contains or touches; for an unknown protocol (None), of any."""
    return tuple(
        sensitive
        for sensitive in SENSITIVE_PORTS
        if protocol in (None, sensitive.protocol)
        and sensitive.ports.first <= ports.last
        and ports.first <= sensitive.ports.last
    )
