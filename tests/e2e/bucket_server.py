"""A real S3 store of the tests' own: Ceph's RADOS Gateway over one monitor and one OSD that keeps its data in memory.

Over HTTP and TLS, with two users, behind ports that the kernel picks. It starts in seconds and is meant to serve all tests
of one program. Run as a program it prints what it is (JSON, one line) and ends with its standard input:

    bucket_server.py DIRECTORY
"""
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid

HOST = "127.0.0.1"
START_DEADLINE_S = 90
MEMORY = 8 << 30  # what the OSD says it has; it takes what is stored
CONFIG = """\
[global]
fsid = {fsid}
mon_host = v2:127.0.0.1:{mon_port}
mon_initial_members = a
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_port_min = {osd_port}
ms_bind_port_max = {osd_port_end}
ms_bind_msgr1 = false
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
run_dir = {directory}/run
admin_socket =
log_file = {directory}/log/$name.log
mon_cluster_log_file = {directory}/log/cluster.log
pid_file =
crash_dir = {directory}/log
ms_mon_client_mode = crc
ms_mon_cluster_mode = crc
ms_mon_service_mode = crc
debug_ms = 0
debug_rgw = 0
setuser =
setgroup =
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
mon_data_avail_crit = 1
paxos_propose_interval = 0.05
paxos_min_wait = 0.02
[mon]
mon_data = {directory}/mon
[osd]
osd_data = {directory}/osd
osd_objectstore = memstore
memstore_device_bytes = {memory}
osd_scrub_begin_hour = 0
osd_scrub_end_hour = 0
osd_class_update_on_start = true
osd_class_dir = {classes}
osd_min_pg_log_entries = 50
osd_max_pg_log_entries = 200
[client]
rgw_data = {directory}/rgw
rgw_frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1 ssl_endpoint=127.0.0.1:{tls_port} \
ssl_certificate={directory}/cert.pem ssl_private_key={directory}/key.pem
rgw_enable_ops_log = false
rgw_enable_usage_log = false
rgw_dynamic_resharding = false
rgw_thread_pool_size = 64
rgw_rados_pool_pg_num_min = 4
"""


def free_ports(count):
    """Ports that were free a moment ago."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


def osd_classes():
    """Where the package has them: Debian 13's program looks below the current directory."""
    found = [*pathlib.Path("/usr/lib").glob("*/rados-classes"), *pathlib.Path("/usr/lib").glob("rados-classes")]
    if not found:
        raise RuntimeError("there are no rados-classes below /usr/lib; is ceph-osd installed?")
    return found[0]


class User:
    def __init__(self, name):
        self.name, self.access_key, self.secret_key = name, f"{name}access", f"{name}secret"


class BucketServer:
    """Lives until `stop`. `directory` is new; everything of the store is in it."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        for name in ("mon", "osd", "rgw", "log", "run"):
            (self.directory / name).mkdir(parents=True)
        self.users = [User("first"), User("second")]
        self.children = []
        self.certificate = self.directory / "cert.pem"
        self.config = self.directory / "ceph.conf"
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    @property
    def endpoint(self):
        return f"http://{HOST}:{self.port}"

    @property
    def tls_endpoint(self):
        return f"https://{HOST}:{self.tls_port}"

    def environment(self, user=0):
        """For aws-cli, rclone and syncline."""
        user = self.users[user]
        return {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": user.access_key,
                "AWS_SECRET_ACCESS_KEY": user.secret_key, "AWS_DEFAULT_REGION": "us-east-1"}

    def description(self):
        return {"endpoint": self.endpoint, "tls_endpoint": self.tls_endpoint, "certificate": str(self.certificate),
                "users": [[user.access_key, user.secret_key] for user in self.users]}

    # How it starts

    def start(self):
        mon_port, osd_port, self.port, self.tls_port = free_ports(4)
        fsid = str(uuid.uuid4())
        self.config.write_text(CONFIG.format(
            classes=osd_classes(),
            directory=self.directory, fsid=fsid, mon_port=mon_port, osd_port=osd_port, osd_port_end=osd_port + 30,
            port=self.port, tls_port=self.tls_port, memory=MEMORY))
        (self.directory / "keyring").touch()
        self.call("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost",
                  "-addext", f"subjectAltName=DNS:localhost,IP:{HOST}", "-keyout", self.directory / "key.pem",
                  "-out", self.certificate)
        self.call("monmaptool", "--create", "--clobber", "--fsid", fsid, "--addv", "a", f"[v2:{HOST}:{mon_port}]",
                  self.directory / "monmap")
        self.call("ceph-mon", "-c", self.config, "--mkfs", "-i", "a", "--monmap", self.directory / "monmap",
                  "--keyring", self.directory / "keyring")
        self.spawn("mon", "ceph-mon", "-c", self.config, "-f", "-i", "a")
        osd = str(uuid.uuid4())
        self.ceph("osd", "new", osd)
        self.call("ceph-osd", "-c", self.config, "-i", "0", "--mkfs", "--osd-uuid", osd)
        self.spawn("osd", "ceph-osd", "-c", self.config, "-f", "-i", "0")
        self.wait_until(lambda: b" 1 up" in self.ceph("osd", "stat"), "the OSD did not come up")
        for user in self.users:
            self.call("radosgw-admin", "-c", self.config, "-n", "client.rgw", "user", "create", f"--uid={user.name}",
                      f"--display-name={user.name}", f"--access-key={user.access_key}", f"--secret={user.secret_key}")
        self.spawn("rgw", "radosgw", "-c", self.config, "-f", "-n", "client.rgw")
        self.wait_until(self.answers, "the gateway does not answer")

    def answers(self):
        # Not through a proxy that the environment names.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(self.endpoint, timeout=5):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    def call(self, *arguments):
        """Runs a program of the store's; its output."""
        done = subprocess.run(list(map(str, arguments)), stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              timeout=START_DEADLINE_S, env=self.ceph_environment())
        if done.returncode:
            raise RuntimeError(f"{arguments[0]} failed: {done.stderr.decode()[-2000:]}")
        return done.stdout

    def ceph(self, *arguments):
        return self.call("/usr/bin/ceph", "--conf", self.config, "--connect-timeout", "20", *arguments)

    def ceph_environment(self):
        """`ceph` is a Python program of the system's."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        return {**environment, "CEPH_CONF": str(self.config), "PATH": "/usr/bin:/usr/sbin:/bin:/sbin"}

    def spawn(self, name, *arguments):
        with open(self.directory / "log" / f"{name}.out", "wb") as log:
            self.children.append(subprocess.Popen(list(map(str, arguments)), stdin=subprocess.DEVNULL, stdout=log,
                                                  stderr=log, env=self.ceph_environment(), start_new_session=True))

    def wait_until(self, is_true, otherwise):
        deadline = time.monotonic() + START_DEADLINE_S
        while not is_true():
            if time.monotonic() > deadline or any(child.poll() is not None for child in self.children):
                logs = "\n".join(log.read_text(errors="replace")[-1000:] for log in (self.directory / "log").glob("*.out"))
                raise RuntimeError(f"{otherwise}:\n{logs}")
            time.sleep(0.05)

    def stop(self):
        """Nothing in it is worth an orderly end."""
        for child in reversed(self.children):
            child.kill()
        for child in self.children:
            child.wait()
        self.children.clear()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # The store's programs would outlive us.
    server = BucketServer(sys.argv[1])
    try:
        print(json.dumps(server.description()), flush=True)
        sys.stdin.read()
    finally:
        server.stop()


if __name__ == "__main__":
    main()
