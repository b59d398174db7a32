"""The project directories on a server, and stand-ins for its tools: for the tests of their end."""
import os
import time

DAY = 86400


class Projects:
    """The directories under remote_root on the server, and a client that is known by its first push."""

    def __init__(self, sandbox, server):
        self.sandbox, self.server = sandbox, server
        self.root = server.home / ".cache/syncline/projects"
        (sandbox.source / "file").write_text("content")
        self.write_jobs()
        sandbox.run("push", "-f", sandbox.job_file, "copy")
        self.current = self.names()[0]
        self.client = self.current.rsplit("-", 1)[1]

    def write_jobs(self, clean=None, host="", extra=(), head=""):
        keys = {"root": self.sandbox.source, "remote": "cse:", "fsync": False}
        if clean is not None:
            keys["clean"] = clean
        self.sandbox.jobs(("copy", keys), *extra, head=f"{head}\n[hosts.cse]\n{host}\n")

    def names(self):
        return sorted(os.listdir(self.root))

    def projects(self):
        return [name for name in self.names() if not name.startswith(".syncline-removed-")]

    def add(self, name, age_days, client=None, files=1, project="12345678"):
        """A directory of this client's whose entries are all so old; its name."""
        path = self.root / f"{name}-{project}-{client or self.client}"
        (path / "sub").mkdir(parents=True)
        for i in range(files):
            (path / f"sub/file{i}").write_text("x" * 1000)
        self.server.own(path)
        self.age(path, age_days)
        return path.name

    def age(self, path, days):
        then = time.time() - days * DAY
        for directory, directories, files in os.walk(path):
            for entry in directories + files:
                os.utime(os.path.join(directory, entry), (then, then), follow_symlinks=False)
        os.utime(path, (then, then))

    def clean(self, *args, **options):
        return self.sandbox.run("clean", "-f", self.sandbox.job_file, *args, cwd=self.sandbox.source, **options)

    def start(self, *args):
        return self.sandbox.start("clean", "-f", self.sandbox.job_file, *args, cwd=self.sandbox.source)

    def plan(self, *args):
        """{name: (action, reason)} of a dry run."""
        event = self.clean(*args, "--dry-run", "--json").json()
        return {each["name"]: (each["action"], each["reason"]) for each in event["directories"]}

    def state(self, sql):
        import sqlite3
        with sqlite3.connect(self.sandbox.state / "state.db") as database:
            return database.execute(sql).fetchall()

    def let_an_hour_pass(self):
        """Since the last clean."""
        self.state("UPDATE clean_run SET at = at - 3601 * 1000000000")

    def put_back_uses(self, days):
        self.state(f"UPDATE remote_directory SET last_used_at = last_used_at - {days} * 86400000000000")


def stand_in(server, name, script):
    """A tool on the PATH of the account's shells, before the server's own. OpenSSH sets PATH itself, so the server's
    configuration says it."""
    tools = server.directory / "tools"
    tools.mkdir(exist_ok=True)
    tools.chmod(0o777)
    (tools / name).write_text(f"#!/bin/sh\n{script}\n")
    (tools / name).chmod(0o755)
    config = server.directory / "sshd_config"
    if "SetEnv" not in config.read_text():
        config.write_text(f"SetEnv PATH={tools}:/usr/bin:/bin\n" + config.read_text())
    return tools


def quota_stand_in(server, text, status=0):
    stand_in(server, "quota", f"cat <<'END'\n{text}END\nexit {status}")


def hooked_tool(server, name, script):
    """Runs `script` before the server's own tool does its work, once."""
    return stand_in(server, name, f"if /bin/mkdir ${{0%/*}}/once-{name} 2>/dev/null; then\n{script}\nfi\nexec /usr/bin/{name} \"$@\"")
