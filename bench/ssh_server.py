"""An sshd for the benchmarks: behind a port of loopback that the kernel picks, each connection with an `sshd -i` of its own,
so that nothing is left running. And a proxy before it that adds delay, as a distant server has it.
"""
import os
import pathlib
import socket
import subprocess
import sys
import threading

HOST = "127.0.0.1"


class SshServer:
    def __init__(self, directory, one_way_ms=20):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(mode=0o700, exist_ok=True)
        self.user = os.environ.get("USER") or subprocess.check_output(["id", "-un"], text=True).strip()
        self.children = []
        self.write_keys()
        self.write_server_config()
        os.makedirs("/run/sshd", exist_ok=True)
        self.listener = socket.create_server((HOST, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()
        proxy = pathlib.Path(__file__).with_name("delay_proxy.py")
        self.proxy = subprocess.Popen([sys.executable, proxy, str(self.port), str(one_way_ms)], stdout=subprocess.PIPE, text=True)
        self.far_port = int(self.proxy.stdout.readline())
        self.write_client_config()

    def write_keys(self):
        for name in ("id", "host"):
            path = self.directory / name
            if not path.exists():
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)

    def write_server_config(self):
        (self.directory / "sshd_config").write_text(
            f"HostKey {self.directory}/host\nAuthorizedKeysFile {self.directory}/id.pub\nSubsystem sftp internal-sftp\n"
            "StrictModes no\nUsePAM no\nPidFile none\nPasswordAuthentication no\nPermitRootLogin yes\nMaxStartups 100\nUseDNS no\n"
            "PrintMotd no\nLogLevel ERROR\n")

    def write_client_config(self):
        """Hosts `near` and `far`, for ssh itself and what is built on it."""
        kind, blob = (self.directory / "host.pub").read_text().split()[:2]
        known, config = "", ""
        for name, port in (("near", self.port), ("far", self.far_port)):
            known += f"[{HOST}]:{port} {kind} {blob}\n"
            config += (f"Host {name}\n  HostName {HOST}\n  Port {port}\n  User {self.user}\n  IdentityFile {self.directory}/id\n"
                       f"  IdentitiesOnly yes\n  UserKnownHostsFile {self.directory}/known_hosts\n  GlobalKnownHostsFile /dev/null\n"
                       "  StrictHostKeyChecking yes\n  ControlPath none\n")
        (self.directory / "known_hosts").write_text(known)
        self.config = self.directory / "config"
        self.config.write_text(config)

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.children = [child for child in self.children if child.poll() is None]
                self.children.append(subprocess.Popen(["/usr/sbin/sshd", "-i", "-f", self.directory / "sshd_config"],
                                                      stdin=connection, stdout=connection, stderr=subprocess.DEVNULL))

    def stop(self):
        self.listener.close()
        for child in [self.proxy, *self.children]:
            child.terminate()
            child.wait()
