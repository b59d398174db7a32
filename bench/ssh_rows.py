"""The rows over SSH: pushes, pulls and commands against rsync, scp, ssh and rclone, each over the same sshd."""
import data
from ssh_server import HOST, SshServer
from table import Row

# rclone would take three quarters of an hour; when it is stopped, the ratio is more than what it would be in the end.
RCLONE_SECONDS = 180
STOPPED = 124  # what timeout(1) says then


class SshRows:
    def __init__(self, bench):
        self.bench = bench
        self.directory = bench.directory
        self.server = SshServer(bench.directory / "ssh")
        self.shell = f"ssh -F {self.server.config}"

    def stop(self):
        self.server.stop()

    # What a run needs

    def job(self, host, source, **keys):
        port = self.server.port if host == "near" else self.server.far_port
        path = self.directory / "ssh-jobs.toml"
        lines = "\n".join(f"{key} = {value}" for key, value in keys.items())
        path.write_text(
            f'version = 1\n[engine]\nssh_config = "{self.server.config}"\n[hosts.{host}]\nhostname = "{HOST}"\nport = {port}\n'
            f'user = "{self.server.user}"\nidentity_file = "{self.server.directory}/id"\n'
            f'known_hosts = "{self.server.directory}/known_hosts"\nremote_root = "{self.directory}/remote-root"\n'
            f'[jobs.bench]\nroot = "{source}"\nremote = "{host}:{self.directory}/target"\nignore_files = []\n{lines}\n')
        return path

    def forget(self):
        self.bench.remove("target", "state")
        (self.directory / "state").mkdir(mode=0o700)

    def ours(self, path):
        return self.bench.timed(self.bench.binary, "apply", "--once", path)

    def rsync(self, host, source):
        return self.bench.timed("rsync", "-a", "-e", self.shell, f"{source}/", f"{host}:{self.directory}/target-rsync/")[0]

    # Rows

    def first_push(self, host, source):
        path = self.job(host, source)

        def ours():
            self.forget()
            return self.ours(path)[0]

        def rsync():
            self.bench.remove("target-rsync")
            return self.rsync(host, source)

        result = self.bench.in_turns(ours, rsync)
        self.bench.check_equal(source, self.directory / "target", modes=False)
        return result

    def row_push(self):
        ours, peer = self.first_push("near", self.bench.copies())
        return Row(f"ssh: first push, {self.bench.scaled(20_000):,} files of 4 KiB", "s", ours, 1.5, peer, "rsync -a")

    def row_push_far(self):
        ours, peer = self.first_push("far", self.bench.copies())
        return Row("ssh: the same, 40 ms round trips", "s", ours, 1.2, peer, "rsync -a")

    def pushed(self, host, source):
        """The job file of a push that has been made, twice: what was just written is looked at again once."""
        path = self.job(host, source)
        self.forget()
        for _ in range(2):
            self.ours(path)
            self.bench.pause()
        self.rsync(host, source)
        return path

    def row_unchanged(self):
        source = self.bench.many()
        path = self.pushed("near", source)
        ours, peer = self.bench.in_turns(lambda: self.ours(path)[0], lambda: self.rsync("near", source))
        return Row(f"ssh: nothing changed, {self.bench.scaled(100_000):,} files", "s", ours, 0.8, peer, "rsync -a")

    def row_unchanged_far(self):
        source = self.bench.copies()
        path = self.pushed("far", source)
        ours, peer = self.bench.in_turns(lambda: self.ours(path)[0], lambda: self.rsync("far", source))
        return Row(f"ssh: nothing changed, {self.bench.scaled(20_000):,} files, 40 ms", "s", ours, 0.8, peer, "rsync -a")

    def row_one_changed(self):
        source = self.bench.many()
        path = self.pushed("near", source)
        changed = next(source.glob("dir-*/file-*"))
        before = changed.read_bytes()
        count = 0

        def after_a_change(run):
            def changed_run():
                nonlocal count
                count += 1
                changed.write_bytes(before + b"%d" % count)
                return run()

            return changed_run

        try:
            ours, peer = self.bench.in_turns(after_a_change(lambda: self.ours(path)[0]),
                                             after_a_change(lambda: self.rsync("near", source)))
        finally:
            changed.write_bytes(before)
        return Row(f"ssh: one of {self.bench.scaled(100_000):,} files changed", "s", ours, 0.9, peer, "rsync -a")

    def rows_big(self):
        source = self.bench.tree("big", data.make_big_file, self.bench.scaled(1024) << 20)
        size = f"{self.bench.scaled(1024):,} MiB"
        path = self.job("near", source)

        def push():
            self.forget()
            return self.ours(path)[0]

        def scp_up():
            self.bench.remove("target-scp")
            return self.bench.timed("scp", "-q", "-F", self.server.config, source / "big", f"near:{self.directory}/target-scp")[0]

        ours, peer = self.bench.in_turns(push, scp_up)
        self.bench.check_equal(source, self.directory / "target", modes=False)
        rows = [Row(f"ssh: push of {size} in one file", "s", ours, 1.3, peer, "scp")]
        pulled = self.directory / "pulled"
        path = self.job("near", pulled, direction='"pull"', pull='"update"')

        def pull():
            self.bench.remove("pulled", "state")
            for name in ("pulled", "state"):
                (self.directory / name).mkdir(mode=0o700)
            return self.ours(path)[0]

        def scp_down():
            self.bench.remove("pulled-scp")
            return self.bench.timed("scp", "-q", "-F", self.server.config, f"near:{source}/big", self.directory / "pulled-scp")[0]

        ours, peer = self.bench.in_turns(pull, scp_down)
        self.bench.check_equal(source, pulled, modes=False)
        return [*rows, Row(f"ssh: pull of {size} in one file", "s", ours, 1.3, peer, "scp")]

    def row_run(self):
        source = self.bench.tree("files-100", data.make_files, 100, 10, 4096)
        path = self.pushed("near", source)
        ours, peer = self.bench.in_turns(
            lambda: self.bench.timed(self.bench.binary, "run", "-f", path, "bench", "--", "true")[0],
            lambda: self.bench.timed("ssh", "-F", self.server.config, "near", "true")[0])
        return Row("ssh: run -- true, 100 files, nothing to sync", "s", ours, 2.5, peer, "ssh true")

    def row_rclone(self):
        source = self.bench.copies()
        path = self.job("near", source)

        def ours():
            self.forget()
            return self.ours(path)[0]

        def rclone():
            self.bench.remove("target-rclone")
            remote = (f":sftp,host={HOST},port={self.server.port},user={self.server.user},key_file={self.server.directory}/id,"
                      f"known_hosts_file={self.server.directory}/known_hosts:{self.directory}/target-rclone")
            return self.bench.timed("timeout", RCLONE_SECONDS, "rclone", "sync", "--config", "/dev/null", "--transfers", "16",
                                    source, remote, accepted=(0, STOPPED))[0]

        peer = [rclone()]
        name = "rclone, 16 transfers" + (", stopped before its end" if peer[0] >= RCLONE_SECONDS else "")
        return Row(f"ssh: first push, {self.bench.scaled(20_000):,} files", "s", [ours() for _ in range(3)], 0.1, peer, name)

    def row_memory(self):
        source = self.bench.tree("files-1m", data.make_files, self.bench.scaled(1_000_000), self.bench.scaled(12_000), 16)
        empty = self.directory / "one-file"
        empty.mkdir(exist_ok=True)
        (empty / "file").write_text("x")
        self.bench.remove("target", "state")
        (self.directory / "state").mkdir(mode=0o700)
        source.rename(self.directory / "target")
        try:
            path = self.job("near", empty, delete='"never"')
            peak = max(self.ours(path)[1] for _ in range(2))
        finally:
            (self.directory / "target/file").unlink(missing_ok=True)
            (self.directory / "target").rename(source)
        return Row(f"ssh: peak memory, {self.bench.scaled(1_000_000):,} remote entries", "MiB", [peak], 250)


SSH_ROWS = {
    "ssh-push": lambda rows: [rows.row_push()],
    "ssh-push-far": lambda rows: [rows.row_push_far()],
    "ssh-unchanged": lambda rows: [rows.row_unchanged()],
    "ssh-unchanged-far": lambda rows: [rows.row_unchanged_far()],
    "ssh-one-changed": lambda rows: [rows.row_one_changed()],
    "ssh-big": lambda rows: rows.rows_big(),
    "ssh-run": lambda rows: [rows.row_run()],
    "ssh-rclone": lambda rows: [rows.row_rclone()],
    "ssh-memory": lambda rows: [rows.row_memory()],
}
