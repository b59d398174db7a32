"""A real SSH server of a test's own: each connection gets an `sshd -i` (or dropbear) behind a port that the kernel picks.

Where the tests run as root, the server lives in a mount namespace whose passwd file has one account, `student`, with a
home directory and a login shell of the test's choice: no home directory of this machine is ever touched.
"""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import threading

STUDENT = 12345
HOST = "127.0.0.1"


def keygen(path, *options):
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-f", path, *options], check=True)
    return path


class SshServer:
    """Lives until `stop`. `directory` is new and everybody's to enter; everything of the server is in it."""

    program = "sshd"

    def __init__(self, directory, shell="/bin/sh", lines=(), host_key_types=("ed25519",), mounts=()):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(mode=0o755)
        self.home = self.directory / "student"
        self.home.mkdir()
        self.keys = self.directory / "keys"
        self.keys.mkdir()
        self.key = keygen(self.keys / "id", "-t", "ed25519")
        self.host_key_types = host_key_types
        self.change_host_keys()
        self.known_hosts = self.directory / "known_hosts"
        self.port = 0
        self.listen()
        self.known_hosts.write_text(self.known_hosts_lines())
        self.connections = 0
        self.children = []
        self.write_accounts(shell)
        self.write_config(lines)
        self.enter_world(mounts)
        self.start_serving()

    # What the server is made of

    def change_host_keys(self):
        for kind in self.host_key_types:
            path = self.keys / f"host_{kind}"
            path.unlink(missing_ok=True)
            keygen(path, "-t", kind)

    def known_hosts_lines(self):
        lines = ""
        for kind in self.host_key_types:
            name, blob = (self.keys / f"host_{kind}.pub").read_text().split()[:2]
            lines += f"[{HOST}]:{self.port} {name} {blob}\n"
        return lines

    def write_accounts(self, shell, password="*"):
        (self.directory / "passwd").write_text(
            "root:*:0:0::/nonexistent:/bin/sh\nsshd:*:100:65534::/run/sshd:/usr/sbin/nologin\n"
            "nobody:*:65534:65534::/nonexistent:/usr/sbin/nologin\n"
            f"student:{password}:{STUDENT}:{STUDENT}::{self.home}:{shell}\n")
        authorized = self.home / ".ssh/authorized_keys"
        authorized.parent.mkdir(mode=0o700, exist_ok=True)
        authorized.write_text((self.keys / "id.pub").read_text())
        self.own(self.home)

    def own(self, path):
        subprocess.run(["chown", "-hR", f"{STUDENT}:{STUDENT}", path], check=True)

    def write_config(self, lines):
        config = "\n".join(lines) + "\n"
        if "Subsystem" not in config:
            config += "Subsystem sftp internal-sftp\n"
        config += ("StrictModes no\nUsePAM no\nPidFile none\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
                   "MaxStartups 100\nUseDNS no\nPrintMotd no\nLogLevel VERBOSE\n")
        for kind in self.host_key_types:
            config += f"HostKey {self.keys}/host_{kind}\n"
        (self.directory / "sshd_config").write_text(config)

    def enter_world(self, mounts):
        """Starts the process that keeps the mount namespace."""
        script = "".join(f"{mount}\n" for mount in (
            "set -e", f"mount --bind {self.directory}/passwd /etc/passwd", *mounts, "echo ready", "exec sleep infinity"))
        os.makedirs("/run/sshd", exist_ok=True)
        self.world = subprocess.Popen(
            ["unshare", "-m", "--propagation", "private", "sh", "-c", script], stdout=subprocess.PIPE)
        assert self.world.stdout.readline() == b"ready\n", "no mount namespace for the server"

    def command(self):
        return ["/usr/sbin/sshd", "-i", "-f", self.directory / "sshd_config", "-E", self.directory / "log"]

    # Serving

    def listen(self):
        self.listener = socket.create_server((HOST, self.port))
        self.port = self.listener.getsockname()[1]

    def start_serving(self):
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.connections += 1
                self.children.append(subprocess.Popen(
                    ["nsenter", "-m", "-t", str(self.world.pid), *map(str, self.command())],
                    stdin=connection, stdout=connection, stderr=subprocess.DEVNULL))

    def refuse_connections(self):
        """Nobody listens any more."""
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()

    def go_down(self):
        """Nobody listens any more, and the connections that there are end."""
        self.refuse_connections()
        for child in self.children:
            child.terminate()  # sshd passes it on to its process without rights, which has the connection too
        for child in self.children:
            child.wait(timeout=30)
        self.children.clear()

    def come_back(self):
        self.listen()
        self.start_serving()

    def stop(self):
        self.refuse_connections()
        for child in [*self.children, self.world]:
            child.kill()
            child.wait()

    def log(self):
        path = self.directory / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    # Being known

    def ssh_config(self, name="cse", **extra):
        """A Host block with which signing in works."""
        keys = {"HostName": HOST, "Port": self.port, "User": "student", "IdentityFile": self.key, "IdentitiesOnly": "yes",
                "UserKnownHostsFile": self.known_hosts, "GlobalKnownHostsFile": "/dev/null", **extra}
        return f"Host {name}\n" + "".join(f"  {key} {value}\n" for key, value in keys.items() if value is not None)


class DropbearServer(SshServer):
    program = "dropbear"

    def write_config(self, lines):
        subprocess.run(["dropbearconvert", "openssh", "dropbear", self.keys / "host_ed25519", self.keys / "dropbear"],
                       check=True, capture_output=True)

    def command(self):
        return ["/usr/sbin/dropbear", "-i", "-r", self.keys / "dropbear", "-s"]


def missing_programs(*names):
    return [name for name in names if not shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")]
