"""A Ceph RADOS Gateway of the tests' own: one monitor, one OSD in memory, S3 on loopback. Gone without a trace at the end."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid

DEADLINE_S = 60

CONFIG = """\
[global]
fsid = {fsid}
mon_host = v2:127.0.0.1:{mon}
mon_initial_members = a
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_port_min = {first}
ms_bind_port_max = {last}
ms_bind_msgr1 = false
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
run_dir = {here}/run
admin_socket =
log_file = {here}/log/$name.log
mon_cluster_log_file = {here}/log/cluster.log
pid_file =
crash_dir = {here}/log
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
mon_data = {here}/mon
[osd]
osd_data = {here}/osd
osd_objectstore = memstore
memstore_device_bytes = 2147483648
osd_class_update_on_start = true
osd_min_pg_log_entries = 50
osd_max_pg_log_entries = 200
[client]
rgw_data = {here}/rgw
rgw_frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw_enable_ops_log = false
rgw_enable_usage_log = false
rgw_dynamic_resharding = false
rgw_thread_pool_size = 64
rgw_rados_pool_pg_num_min = 4
"""


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = sorted(each.getsockname()[1] for each in sockets)
    for each in sockets:
        each.close()
    return ports


class Gateway:
    access_key, secret_key = "testaccess", "testsecret"

    def __init__(self):
        self.here = pathlib.Path(tempfile.mkdtemp(prefix="syncline-rgw-"))
        self.config = self.here / "ceph.conf"
        self.processes = []
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def start(self):
        for name in ("mon", "osd", "log", "run", "rgw"):
            (self.here / name).mkdir()
        mon, port, *osd = free_ports(10)
        self.url = f"http://127.0.0.1:{port}"
        self.config.write_text(CONFIG.format(fsid=uuid.uuid4(), mon=mon, port=port, here=self.here, first=osd[0],
                                             last=osd[0] + 40))
        (self.here / "keyring").touch()
        self.call("monmaptool", "--create", "--clobber", "--addv", "a", f"[v2:127.0.0.1:{mon}]", self.here / "monmap")
        self.call("ceph-mon", "--mkfs", "-i", "a", "--monmap", self.here / "monmap", "--keyring", self.here / "keyring")
        self.spawn("ceph-mon", "-f", "-i", "a")
        osd_id = str(uuid.uuid4())
        self.call("ceph", "osd", "new", osd_id)
        self.call("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd_id)
        self.spawn("ceph-osd", "-f", "-i", "0")
        self.wait_for(lambda: " 1 up" in self.call("ceph", "osd", "stat"))
        self.add_user("test", self.access_key, self.secret_key)
        self.spawn("radosgw", "-f", "-n", "client.rgw")
        self.wait_for(self.answers)

    def add_user(self, name, access_key, secret_key):
        self.call("radosgw-admin", "-n", "client.rgw", "user", "create", f"--uid={name}", f"--display-name={name}",
                  f"--access-key={access_key}", f"--secret={secret_key}")

    def call(self, program, *args):
        done = subprocess.run([program, "-c", self.config, *args], check=False, capture_output=True, text=True,
                              env={"PATH": os.environ["PATH"], "CEPH_CONF": str(self.config)}, timeout=DEADLINE_S)
        assert done.returncode == 0, f"{program} {args}: {done.stderr}"
        return done.stdout

    def spawn(self, program, *args):
        with open(self.here / "log" / f"{program}.out", "wb") as out:
            self.processes.append(subprocess.Popen([program, "-c", self.config, *args], stdin=subprocess.DEVNULL,
                                                   stdout=out, stderr=subprocess.STDOUT, start_new_session=True))

    def answers(self):
        try:
            return urllib.request.urlopen(self.url, timeout=2).status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    @staticmethod
    def wait_for(what):
        end = time.monotonic() + DEADLINE_S
        while not what():
            assert time.monotonic() < end, "the gateway does not come up"
            time.sleep(0.05)

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.here, ignore_errors=True)
