"""Another user may write into the directory on a server into which somebody pushes over a shell. He gets nobody's rights,
and nothing outside that directory changes."""
import contextlib
import hashlib
import os
import subprocess
import threading
import time

import pytest

from harness import make_tree, read_tree, snapshot, wait_for
from ssh_server import STUDENT, SshServer

OTHER = 23456
FLIPPING_S = 10


def slow(rate):
    return f'[engine]\nbandwidth_limit = "{rate}"\n'


def staged_name(path):
    return hashlib.sha256(path.encode()).hexdigest()[:16]


@pytest.fixture
def shared(sandbox, server):
    """The target is everybody's; what is private of the account lies beside it."""
    sandbox.target.mkdir()
    outside = make_tree(server.home / "outside", {"private": "private", "d0/f0": "private", "d1/f0": "private",
                                                  staged_name("large"): "private"})
    server.own(server.home)
    sandbox.target.chmod(0o777)
    for path in (outside / "private", outside / staged_name("large")):
        path.chmod(0o600)
    sandbox.outside = outside
    return sandbox


@contextlib.contextmanager
def in_background(act):
    """Calls `act` again and again, meanwhile."""
    ended = threading.Event()

    def loop():
        while not ended.is_set():
            with contextlib.suppress(OSError):
                act()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def stages(target):
    return [path for path in target.iterdir() if path.name.startswith(".syncline-tmp-") and not path.is_symlink()]


class Swapper:
    """Moves each stage away, with `filled` once something lies in it, and puts what `make` makes in its place."""

    def __init__(self, target, make, filled=False):
        self.target, self.make, self.filled, self.swaps = target, make, filled, 0
        self.own = set()

    def __call__(self):
        for stage in stages(self.target):
            if stage.lstat().st_ino in self.own or stage.lstat().st_uid != STUDENT:
                continue
            if self.filled and not [path for path in stage.iterdir() if path.name != "owner"]:
                continue
            self.swaps += 1
            stage.rename(self.target / f"away-{self.swaps}")
            self.own.add(self.make(stage).lstat().st_ino)


def evil_stage(place):
    """A directory of the other user's that says what is to be done."""
    place.mkdir()
    ops = [("p", "../outside/private", "evil", "644", "*"), ("c", "../outside/private", "", "666", "*"),
           ("r", "../outside/d0/f0", "", "0", "*"), ("p", "evil", "evil", "644", "")]
    (place / "ops").write_text("".join(field + "\0" for op in ops for field in op))
    (place / "evil").write_text("evil")
    for name in ("done", "names", "sums", "paths", staged_name("large"), staged_name("small")):
        (place / name).write_text("")
    subprocess.run(["chown", "-R", f"{OTHER}:{OTHER}", place], check=True)
    place.chmod(0o777)
    return place


@pytest.mark.parametrize("transfer", ["tar", "files"])
def test_a_stage_is_entered_once_and_nobody_elses_is_believed(shared, transfer):
    shared.jobs(("thesis", {"root": shared.source, "remote": "cse:target", "transfer": transfer, "timeout": "20s"}),
                head=slow("2 MiB/s"))
    before = snapshot(shared.outside)
    swapper = Swapper(shared.target, evil_stage, filled=True)
    with in_background(swapper):
        for round in range(3):
            make_tree(shared.source, {"large": os.urandom(3_000_000), "small": f"{round}"})
            shared.run("push", "thesis", check=None)
    assert swapper.swaps > 0
    assert snapshot(shared.outside) == before
    assert "evil" not in os.listdir(shared.target)


def test_sftp_writes_only_into_the_stage_that_was_made(shared):
    """The stage becomes a link to a directory that holds a file of just that name."""

    def link(place):
        place.symlink_to(shared.outside)
        return place

    shared.jobs(("thesis", {"root": shared.source, "remote": "cse:target", "transfer": "files", "timeout": "20s"}))
    before = snapshot(shared.outside)
    swapper = Swapper(shared.target, link)
    with in_background(swapper):
        for round in range(4):
            make_tree(shared.source, {"large": os.urandom(300_000 + round)})
            shared.run("push", "thesis", check=None)
    assert swapper.swaps > 0
    assert snapshot(shared.outside) == before


def test_what_is_no_stage_is_not_swept_by_its_name(shared):
    """A directory that only its owner may empty gets a stage's name from somebody else."""
    place = shared.target / ".syncline-tmp-0123456789abcdef"
    make_tree(place, {"letters/to": "private", "diary": "private"})
    subprocess.run(["chown", "-R", f"{STUDENT}:{STUDENT}", place], check=True)
    place.chmod(0o700)
    make_tree(shared.source, {"a": "1"})
    shared.run("push", "--root", shared.source, "--remote", "cse:target")
    assert read_tree(place) == {"letters/to": b"private", "diary": b"private"}
    assert (shared.target / "a").read_text() == "1"


def test_links_that_are_flipped_lead_nowhere(shared):
    """For ten seconds directories of the target turn into links to others, and back."""
    names = ("d0", "d1")
    shared.jobs(("thesis", {"root": shared.source, "remote": "cse:target", "delete": "mirror", "max_delete": "100%",
                            "timeout": "20s"}))

    def tree(version):
        files = {f"d{i % 2}/f{i // 2}": f"{version} {i}" for i in range(200)}
        files.update({f"d{i % 2}/v{version}/f{i}": "x" for i in range(40)})
        return files

    before = snapshot(shared.outside)
    flips = 0

    def flip():
        nonlocal flips
        for name in names:
            place, away = shared.target / name, shared.target / f"{name}.away"
            place.rename(away)
            place.symlink_to(shared.outside / name)
            flips += 1
            time.sleep(0.0005)
            place.unlink()
            away.rename(place)

    end = time.monotonic() + FLIPPING_S
    make_tree(shared.source, tree(0))
    shared.run("push", "thesis")
    version = 0
    with in_background(flip):
        while time.monotonic() < end or version < 2:
            version += 1
            subprocess.run(["rm", "-rf", shared.source / "d0", shared.source / "d1"], check=True)
            make_tree(shared.source, tree(version))
            shared.run("push", "thesis", "--adopt", check=None)
    assert flips > 0
    assert snapshot(shared.outside) == before


def other_machine(sandbox):
    """The same user with a state of its own."""
    directory = sandbox.directory / "elsewhere"
    directory.mkdir(mode=0o700)
    return {"XDG_STATE_HOME": str(directory)}


def test_two_machines_do_not_take_each_others_stage(sandbox, server):
    first, second = os.urandom(12_000_000), os.urandom(12_000_000)
    make_tree(sandbox.source, {"large": first, "small": "first"})
    other_source = make_tree(sandbox.directory / "other", {"large": second, "small": "second"})
    sandbox.target.mkdir()
    server.own(server.home)
    sandbox.jobs(("first", {"root": sandbox.source, "remote": "cse:target"}), head=slow("1 MiB/s"))
    running = sandbox.start("push", "first")
    wait_for(lambda: [file for stage in stages(sandbox.target) for file in stage.iterdir()
                      if file.lstat().st_size > 1_000_000])
    sandbox.jobs(("second", {"root": other_source, "remote": "cse:target"}))
    elsewhere = other_machine(sandbox)
    result = sandbox.run("push", "second", env=elsewhere, check=5)
    assert "another syncline" in result.err and f"PID {running.pid}" in result.err
    assert not (sandbox.target / "large").exists()
    assert running.wait(60) == 0, running.log()
    assert read_tree(sandbox.target) == {"large": first, "small": b"first"}
    sandbox.run("push", "second", "--adopt", env=elsewhere)
    assert read_tree(sandbox.target) == {"large": second, "small": b"second"}


class SlowToChangeModes(SshServer):
    """Time for an attack between a look at a name and a chmod by it."""
    def command(self):
        return ["strace", "-f", "-qq", "-o", self.directory / "trace", "-e", "trace=chmod,fchmodat",
                "-e", "inject=chmod,fchmodat:delay_enter=400000", *super().command()]


@contextlib.contextmanager
def swapped_for_a_link(directory, victim, is_time):
    """As soon as it is there, and `is_time` says so."""
    end = threading.Event()

    def swap():
        while not end.wait(0.002):
            with contextlib.suppress(OSError):
                if is_time() and directory.is_dir() and not directory.is_symlink():
                    directory.rename(directory.with_name("away"))
                    directory.symlink_to(victim)
                    return

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


@pytest.mark.parametrize("name", ["d", ".syncline-tmp-0123456789abcdef"], ids=["new", "left"])
def test_no_mode_is_changed_through_a_name_that_was_swapped(sandbox, start_server, name):
    server = start_server(kind=SlowToChangeModes)
    sandbox.target.mkdir()
    private = make_tree(server.home / "outside", {"private": "p"}) / "private"
    server.own(server.home)
    private.chmod(0o600)
    sandbox.target.chmod(0o777)
    if name != "d":
        (sandbox.target / name).mkdir(mode=0o500)
        server.own(sandbox.target / name)
    make_tree(sandbox.source, {"d/": None, "f": "1"})
    (sandbox.source / "d").chmod(0o755)
    sandbox.jobs(("lab", {"root": sandbox.source, "remote": "cse:target", "permissions": "preserve"}))
    trace = server.directory / "trace"
    is_time = {"d": lambda: True}.get(name, lambda: trace.exists() and f'chmod("{name}"' in trace.read_text())
    with swapped_for_a_link(sandbox.target / name, private, is_time):
        sandbox.run("push", "lab", check=None)
    assert private.stat().st_mode & 0o777 == 0o600
