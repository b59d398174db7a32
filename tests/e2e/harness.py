"""The sandbox of one test: directories, a job file, the program, and trees as dictionaries."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import time

NOBODY = 65534
DEADLINE_S = 60


class Link(str):
    """A symlink, in a tree given as a dictionary."""


class File:
    """A file with more than content, in a tree given as a dictionary."""

    def __init__(self, content=b"", mode=None, mtime=None):
        self.content, self.mode, self.mtime = content, mode, mtime


def as_bytes(content):
    return content.encode() if isinstance(content, str) else content


def make_tree(base, tree):
    """Creates `tree` below `base`: {"a/b": "content", "empty/": None, "l": Link("target"), "x": File(b"", mode=0o755)}.

    Parents are made as needed. Paths may be bytes.
    """
    for path, content in tree.items():
        full = os.path.join(os.fsencode(base), os.fsencode(path))
        os.makedirs(full if full.endswith(b"/") else os.path.dirname(full), exist_ok=True)
        if full.endswith(b"/"):
            continue
        if isinstance(content, Link):
            os.symlink(content, full)
            continue
        file = content if isinstance(content, File) else File(content)
        with open(full, "wb") as out:
            out.write(as_bytes(file.content))
        if file.mode is not None:
            os.chmod(full, file.mode)
        if file.mtime is not None:
            os.utime(full, ns=(file.mtime, file.mtime))
    return base


def walk(base):
    """Yields (path relative to `base`, full path) of everything below it, as bytes, sorted."""
    base = os.fsencode(base)
    for directory, names, files in os.walk(base):
        names.sort()
        for name in sorted(names + files):
            full = os.path.join(directory, name)
            yield os.path.relpath(full, base), full


def shown(path):
    """A path as a string where it is one, so that expectations are easy to write."""
    try:
        return path.decode()
    except UnicodeDecodeError:
        return path


def read_tree(base):
    """{"a/b": b"content", "empty/": None, "l": Link("target")}: what make_tree would take. Directories that hold something
    are left out; special files are their type's name."""
    tree = {}
    for path, full in walk(base):
        mode = os.lstat(full).st_mode
        if stat.S_ISLNK(mode):
            tree[shown(path)] = Link(shown(os.readlink(full)))
        elif stat.S_ISDIR(mode):
            if not os.listdir(full):
                tree[shown(path) + "/"] = None
        elif stat.S_ISREG(mode):
            with open(full, "rb") as file:
                tree[shown(path)] = file.read()
        else:
            tree[shown(path)] = stat.filemode(mode)[0]
    return tree


def holds(base, tree):
    """Whether just that is below `base`; not while files are in the making there."""
    try:
        return read_tree(base) == tree
    except FileNotFoundError:
        return False


def expected_tree(tree):
    """What read_tree gives after make_tree(base, tree)."""
    result = {}
    for path, content in tree.items():
        if not isinstance(content, Link) and not path.endswith("/"):
            content = as_bytes(content.content if isinstance(content, File) else content)
        result[path] = content
    return result


def snapshot(base):
    """Everything that a run could change: {path: (mode, mtime_ns, inode, content or link)}, `base` itself too."""
    result = {}
    for path, full in [(b".", os.fsencode(base)), *walk(base)]:
        status = os.lstat(full)
        content = None
        if stat.S_ISLNK(status.st_mode):
            content = os.readlink(full)
        elif stat.S_ISREG(status.st_mode):
            with open(full, "rb") as file:
                content = file.read()
        result[shown(path)] = (status.st_mode, status.st_mtime_ns, status.st_ino, content)
    return result


def modes(base):
    """{path: permission bits} of everything below `base`, symlinks left out."""
    return {
        shown(path): stat.S_IMODE(os.lstat(full).st_mode) for path, full in walk(base) if not os.path.islink(full)
    }


def wait_for(what, deadline_s=DEADLINE_S):
    """Polls until `what()` is true and returns its value; fails loudly at the deadline."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        if value := what():
            return value
        time.sleep(0.02)
    raise AssertionError(f"still waiting after {deadline_s} s")


def stop(process):
    """Ends an engine, in order."""
    process.terminate()
    assert process.wait(10) == 0, process.log()


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    @property
    def text(self):
        return self.out + self.err

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit {self.status}\n--- out\n{self.out}\n--- err\n{self.err}"


def as_toml(value):
    """JSON's strings, numbers, booleans and arrays are TOML's too; a dictionary becomes an inline table."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(str(key))} = {as_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(str(value) if isinstance(value, pathlib.Path) else value)


class Sandbox:
    """A home, XDG directories, a source, a target and a job file in one directory that is removed at the end."""

    def __init__(self, binary, directory):
        self.binary, self.directory = binary, directory
        self.source, self.target = directory / "source", directory / "target"
        self.home = directory / "home"
        self.state = directory / "state/syncline"
        # A job file that is found, not named, may only sync what is beneath its own directory.
        self.job_file = directory / "jobs.toml"
        self.user = None
        self.running = []
        for made in (self.source, self.home):
            made.mkdir()
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_STATE_HOME": str(directory / "state"),
            "XDG_CONFIG_HOME": str(directory / "config"),
            "XDG_RUNTIME_DIR": str(directory / "runtime"),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "SYNCLINE_CLEAN_AUTO": "false",  # a process that outlives the test; those about it say so
        }
        for name in ("config", "runtime", "state"):
            (directory / name).mkdir(mode=0o700)
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        # Tests take permissions away; what is removed must be reachable again.
        subprocess.run(["chmod", "-R", "u+rwX", "--", self.directory], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.directory)

    # The job file

    def jobs(self, *tables, head=""):
        """Writes a job file: `head`, then one table for each (name, {key: value})."""
        text = "version = 1\n" + head
        for name, keys in tables:
            text += f"\n[jobs.{name}]\n" + "".join(f"{key} = {as_toml(value)}\n" for key, value in keys.items())
        self.job_file.write_text(text)
        self.job_file.chmod(0o600)
        if self.user:
            os.chown(self.job_file, NOBODY, NOBODY)
        return self.job_file

    def job(self, name="copy", **keys):
        """One job from source to target; fsync is off unless asked for."""
        return self.jobs((name, {"root": self.source, "remote": self.target, "fsync": False, **keys}))

    def add_ssh_host(self, server, name="cse", **extra):
        """ssh_config knows the server from now on; `target` is a directory in the account's home there."""
        directory = self.home / ".ssh"
        directory.mkdir(mode=0o700, exist_ok=True)
        with open(directory / "config", "a", encoding="utf-8") as config:
            config.write(server.ssh_config(name, **extra))
        self.target = server.home / "target"

    # Running

    def become_nobody(self):
        """From now on the program runs without privileges, and owns the sandbox."""
        subprocess.run(["chown", "-hR", f"{NOBODY}:{NOBODY}", self.directory], check=True)
        self.user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]

    def command(self, args, wrapper=()):
        return [*map(str, wrapper), *(self.user or []), str(self.binary), *map(str, args)]

    def run(self, *args, check=0, cwd=None, env=None, wrapper=(), timeout_s=DEADLINE_S):
        """Runs the program to its end. `check` is the expected exit status, a set of them, or None for any."""
        done = subprocess.run(
            self.command(args, wrapper), cwd=cwd or self.directory, env={**self.env, **(env or {})}, timeout=timeout_s,
            stdin=subprocess.DEVNULL, capture_output=True, check=False)
        result = Result(done.returncode, done.stdout.decode(errors="surrogateescape"),
                        done.stderr.decode(errors="surrogateescape"))
        allowed = check if isinstance(check, (set, type(None))) else {check}
        assert allowed is None or result.status in allowed, f"{self.command(args)}: expected {check}, got {result!r}"
        return result

    def apply(self, *args, **options):
        """`apply --once`."""
        return self.run("apply", "--once", *args, **options)

    def plan(self, *args, **options):
        """The first job of `plan --json`."""
        return self.run("plan", "--json", *args, **options).json()["jobs"][0]

    def start(self, *args, wrapper=(), cwd=None):
        """Starts the program and leaves it running; its output goes to files, see `log`. Killed at the end of the test."""
        log = self.directory / f"log-{len(self.running)}"
        with open(log, "wb") as out:
            process = subprocess.Popen(
                self.command(args, wrapper), cwd=cwd or self.directory, env=self.env, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, start_new_session=True)
        process.log = lambda: log.read_text(errors="surrogateescape")
        self.running.append(process)
        return process

    def start_engine(self, *args):
        """Starts `apply`, which can be asked from then on."""
        process = self.start("apply", *args)

        def answers():
            assert process.poll() is None, process.log()
            return "no engine serves" not in self.run("status", check=None).err

        wait_for(answers)
        return process

    # Looking

    def arrives(self):
        """Waits until the target is as the source is."""
        wait_for(lambda: holds(self.target, read_tree(self.source)))

    def first_run(self, job="copy"):
        """Waits until the first run of an engine is over: until then the job has no recorded sync to rely on."""
        self.arrives()
        self.run("wait", job)

    def leftovers(self):
        """Files on the target that neither the source nor a user put there."""
        return [path for path in read_tree(self.target) if not os.path.lexists(self.source / path.rstrip("/"))]


def ops(plan):
    """{path: op} of a job of `plan --json`."""
    return {action["path"]: action["op"] for action in plan["actions"]}


def plain(text):
    """Without the escape sequences of colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
