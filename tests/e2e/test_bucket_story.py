"""A workspace that follows its owner between two machines through a bucket: by hand, by schedule and as it changes."""
import os
import pathlib
import shutil
import tempfile

import pytest

from bucket_store import Store
from harness import Sandbox, make_tree, ops, read_tree, wait_for

LIVE = {"remote": "store:ws", "fsync": False, "watch": True, "delete": "synced"}


class Machine(Store):
    """A home and a state of its own, with one job `ws` from its own root."""

    @property
    def root(self):
        return self.sandbox.source

    def live(self, **keys):
        self.write(("ws", {"root": self.root, **LIVE, **keys}))

    def run(self, *args, **options):
        return self.sandbox.run(*args, **options)

    def start(self):
        """An engine, once its first run is over."""
        process = self.sandbox.start("apply", "-v")
        wait_for(lambda: process.poll() is not None or self.sandbox.run("wait", "ws", check=None).status == 0)
        assert process.poll() is None, process.log()
        return process

    def refused(self, *args):
        """`auto` does not begin, and the engine that was started for it does not stay."""
        refused = self.run("auto", "ws", *args, check=3)
        wait_for(lambda: "no engine" in self.run("status", check=1).err)  # it may be met while it ends
        return refused.err

    def files(self):
        return {path: content for path, content in read_tree(self.root).items() if not path.endswith("/")}

    def arrives(self):
        """The bucket comes to hold what the root holds."""
        wait_for(lambda: self.tree() == self.files())

    def change(self, tree):
        make_tree(self.root, tree)
        self.arrives()


@pytest.fixture
def machines(gateway, store, sandbox, binary):
    """Two of them, and one bucket. Their engines end with the test."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="syncline-e2e-"))
    with Sandbox(binary, directory) as other:
        made = [Machine(gateway, each, store.name) for each in (sandbox, other)]
        yield made
        for machine in made:
            machine.run("stop", check=None)


@pytest.fixture
def machine(machines):
    return machines[0]


def test_a_workspace_follows_its_owner_between_two_machines(machines):
    a, b = machines
    make_tree(a.root, {"keep": "1", "edit": "1", "drop": "1", "both": "1", "name": "1", "d/deep/x": "1", "d/y": "1"})
    a.live()
    a.run("push", "ws")
    assert a.tree() == a.files()

    # A works, and the bucket follows.
    process = a.start()
    a.change({"edit": "by A", "new/file": "A"})
    os.rename(a.root / "name", a.root / "renamed")
    os.rename(a.root / "d", a.root / "moved")
    a.arrives()
    os.unlink(a.root / "drop")
    shutil.rmtree(a.root / "moved/deep")
    a.arrives()
    assert sorted(a.tree()) == ["both", "edit", "keep", "moved/y", "new/file", "renamed"]

    # B has nothing, pulls by one command and works.
    b.live()
    b.run("pull", "ws")
    assert b.files() == a.files()
    assert b.sandbox.plan()["actions"] == []
    make_tree(b.root, {"edit": "by B", "from B": "B"})
    assert set(ops(b.sandbox.plan())) == {"edit", "from B"}
    b.run("push", "ws")

    # A gets that: at first what is missing, then what was changed too. What it sees change there it does not send.
    a.run("pull", "ws")
    assert (a.root / "from B").read_text() == "B" and (a.root / "edit").read_text() == "by A"
    a.live(pull="update")
    a.run("pull", "ws")
    a.run("wait", "ws")
    assert a.files() == b.files() == a.tree()

    # Both change one file: B is told, and overwrites nothing.
    a.change({"both": "by A"})
    make_tree(b.root, {"both": "and B", "late": "B"})
    told = b.run("push", "ws", check=4)
    assert "both: conflict" in told.text
    assert a.get("ws/both") == b"by A" and a.get("ws/late") == b"B"
    os.rename(b.root / "both", b.root / "both of B")
    b.run("pull", "ws")
    b.run("push", "ws")
    a.run("pull", "ws")

    # Nothing was lost.
    everything = {"keep": b"1", "edit": b"by B", "both": b"by A", "both of B": b"and B", "renamed": b"1", "moved/y": b"1",
                  "new/file": b"A", "from B": b"B", "late": b"B"}
    assert a.files() == b.files() == a.tree() == everything
    for each in machines:
        assert each.sandbox.plan()["actions"] == []
    a.run("stop")
    assert process.wait(10) == 0, process.log()


def test_both_machines_work_at_once(machines):
    """Each with an engine of its own: what one puts is not deleted, taken back or overwritten by the other."""
    a, b = machines
    make_tree(a.root, {"shared": "1"})
    a.live()
    a.run("push", "ws")
    b.live()
    b.run("pull", "ws")
    for each in machines:
        each.run("auto", "ws", "-i", "1s")
    for i in range(5):
        make_tree(a.root, {f"a{i}": "A", "a-last": str(i)})
        make_tree(b.root, {f"b{i}": "B", "b-last": str(i)})
    want = {"shared": b"1", "a-last": b"4", "b-last": b"4"} | {f"{name}{i}": name.upper().encode() for name in "ab"
                                                               for i in range(5)}
    wait_for(lambda: a.tree() == want)
    os.unlink(b.root / "b1")  # of its own
    make_tree(b.root, {"shared": "by B"})
    del want["b1"]
    wait_for(lambda: a.tree() == want | {"shared": b"by B"})
    make_tree(a.root, {"shared": "and A"})
    assert "shared: conflict" in a.run("wait", "ws", check=4).text
    assert a.get("ws/shared") == b"by B"
    for each in machines:
        each.run("trigger", "ws")
        each.run("wait", "ws", check=None)
    assert a.tree() == want | {"shared": b"by B"}


def test_auto_refuses_to_begin_before_a_recorded_sync(machines):
    a, b = machines
    make_tree(a.root, {"x": "1", "d/y": "2"})
    a.live()
    why = a.refused()
    assert "no recorded sync" in why and "syncline push ws" in why and "--adopt" in why
    assert a.keys() == []  # nor did its watcher
    # Neither a pull that failed counts, nor a push of a part.
    a.run("pull", "ws", check=3)
    a.refused()
    a.run("push", "ws", "d", cwd=a.root)
    a.refused()
    assert a.keys() == ["d/", "d/y"]
    a.run("push", "ws")
    a.run("auto", "ws")
    a.change({"z": "3"})
    # A whole pull counts as well.
    b.live()
    b.refused()
    b.run("pull", "ws")
    b.run("auto", "ws", "-i", "1h")
    b.change({"of B": "4"})


def test_auto_with_an_interval_that_is_none_starts_nothing(machine):
    make_tree(machine.root, {"x": "1"})
    machine.live(watch=False)
    machine.run("push", "ws")
    refused = machine.run("auto", "ws", "-i", "30q", check=2)
    assert "'30q' is no duration" in refused.err and "background" not in refused.out + refused.err
    assert "no engine" in machine.run("auto", "ws", "--status", check=1).err


def test_auto_begins_with_adopt(machine):
    machine.put("ws/theirs", b"1")
    make_tree(machine.root, {"x": "1"})
    machine.live(watch=False)
    machine.refused()
    machine.run("auto", "ws", "--adopt")
    wait_for(lambda: machine.keys() == ["theirs", "x"])


@pytest.mark.parametrize("keys, goes", [({}, True), ({"delete": "never"}, False)], ids=["unsaid", "never"])
def test_auto_deletes_what_its_watcher_saw_go(machine, keys, goes):
    make_tree(machine.root, {"stays": "1", "goes": "1", "d/goes": "1"})
    machine.write(("ws", {"root": machine.root, "remote": "store:ws", "fsync": False, "interval": "1h", **keys}))
    machine.put("ws/theirs", b"1")
    machine.run("push", "ws")
    machine.run("auto", "ws", "-i", "1s")
    machine.run("wait", "ws")
    os.unlink(machine.root / "goes")
    os.unlink(machine.root / "d/goes")
    make_tree(machine.root, {"late": "2"})
    wait_for(lambda: "late" in machine.keys() and (("goes" in machine.keys()) != goes))
    machine.run("wait", "ws", check=None)
    left = {key for key in machine.keys() if not key.endswith("/")}
    assert left == {"stays", "late", "theirs"} | (set() if goes else {"goes", "d/goes"})
    machine.run("auto", "ws", "--stop")
    os.unlink(machine.root / "stays")
    assert "ws: off" in machine.run("watch", "ws", "--status").out
    assert "stays" in machine.keys()


def test_auto_is_looked_at_and_stopped(machine):
    make_tree(machine.root, {"x": "1"})
    machine.live(watch=False)
    machine.run("push", "ws")
    machine.run("auto", "ws")
    assert "ws: on, every 1 min 0 s" in machine.run("auto", "ws", "--status").out
    assert "every 1.0 s" in machine.run("auto", "ws", "-i", "1s").out
    machine.change({"y": "2", "x": "changed"})
    shown = machine.run("auto", "ws", "--status").out
    assert "ws: on, every 1.0 s" in shown and "last run success" in shown and "2 put" in shown  # the log's last lines
    table = machine.run("status", "ws").out
    assert "ws" in table and "idle" in table
    machine.run("auto", "ws", "--stop")
    assert "ws: off" in machine.run("auto", "ws", "--status").out
    machine.run("stop")
    assert "no engine" in machine.run("auto", "ws", "--status", check=1).err


def test_auto_to_another_place(machine):
    """-b, -d and -x hold for its runs."""
    make_tree(machine.root, {"x": "1", "x.log": "1"})
    machine.live(remote=machine.sandbox.directory / "local")
    machine.run("push", "ws")
    place = ("-b", "store", "-d", "else/where")
    assert "no recorded sync" in machine.refused(*place)
    machine.run("push", "ws", *place)
    machine.run("auto", "ws", *place, "-i", "1s", "-x", "*.log")
    make_tree(machine.root, {"y.log": "2", "y": "2"})
    wait_for(lambda: machine.keys("else/where/") == ["x", "x.log", "y"])
    machine.run("trigger", "ws")
    machine.run("wait", "ws")
    assert machine.keys("") == ["else/where/x", "else/where/x.log", "else/where/y"]
    assert read_tree(machine.sandbox.directory / "local") == {"x": b"1", "x.log": b"1"}


def test_push_with_delete_needs_a_watcher_that_is_live(machine):
    make_tree(machine.root, {name: "1" for name in ("one", "two", "three", "d/four", "d/five", "six.log", "rest")})
    machine.live(delete="never")
    machine.run("push", "ws")
    os.unlink(machine.root / "one")
    halted = machine.run("push", "ws", "--delete", check=3)
    assert "watcher-inactive" in halted.text and "syncline watch" in halted.text
    assert "one" in machine.keys()
    make_tree(machine.root, {"one": "1"})

    machine.run("watch", "ws")
    assert "ws: watched" in machine.run("watch", "ws", "--status").out
    machine.run("wait", "ws")
    os.unlink(machine.root / "two")
    make_tree(machine.root, {"new": "2"})
    wait_for(lambda: "new" in machine.keys())
    machine.run("wait", "ws")
    assert "two" in machine.keys()  # the watcher's own runs delete nothing: delete = "never"
    assert "1 deleted" in machine.run("push", "ws", "--delete").text
    assert machine.keys() == ["d/", "d/five", "d/four", "new", "one", "rest", "six.log", "three"]
    # A part, and less than all.
    shutil.rmtree(machine.root / "d")
    os.unlink(machine.root / "three")
    machine.run("push", "ws", "d", "--delete", cwd=machine.root)
    assert machine.keys() == ["new", "one", "rest", "six.log", "three"]
    os.unlink(machine.root / "six.log")
    machine.run("push", "ws", "--delete", "-x", "*.log")
    assert machine.keys() == ["new", "one", "rest", "six.log"]

    machine.run("watch", "ws", "--stop")
    assert "ws: off" in machine.run("watch", "ws", "--status").out
    os.unlink(machine.root / "one")
    assert "watcher-inactive" in machine.run("push", "ws", "--delete", check=3).text
    assert "one" in machine.keys()


def test_what_vanished_while_nobody_watched_stays(machine):
    make_tree(machine.root, {"lost": "1", "d/lost too": "1", "later": "1", "rest": "1"})
    machine.live()
    machine.run("push", "ws")
    process = machine.start()
    machine.change({"more": "1"})
    machine.run("stop")
    assert process.wait(10) == 0, process.log()
    os.unlink(machine.root / "lost")
    shutil.rmtree(machine.root / "d")

    make_tree(machine.root, {"new": "1"})
    process = machine.start()
    wait_for(lambda: "new" in machine.keys())
    machine.run("wait", "ws")  # not halted
    by_hand = machine.run("push", "ws", "--delete").text
    for text in (process.log(), by_hand):
        assert "ws: lost: " in text and "ws: d/lost too: " in text and "halted" not in text
    # What the watcher sees go is deleted, and the rest stays withheld.
    os.unlink(machine.root / "later")
    wait_for(lambda: "later" not in machine.keys())
    assert machine.tree() == {"lost": b"1", "d/lost too": b"1", "rest": b"1", "more": b"1", "new": b"1"}
    machine.run("push", "ws", "--adopt")
    assert machine.tree() == machine.files()


def test_edited_excludes_hold_for_a_live_watcher(machine):
    make_tree(machine.root, {"x.c": "1", "x.o": "1"})
    machine.live(exclude=["*.tmp"])
    machine.run("push", "ws")
    process = machine.start()
    machine.live(exclude=["*.o"])
    os.utime(machine.sandbox.job_file)  # it may have been looked at before it was trusted
    wait_for(lambda: "took up" in process.log())
    make_tree(machine.root, {"y.o": "2", "y.tmp": "2"})
    wait_for(lambda: "y.tmp" in machine.keys())
    machine.run("wait", "ws")
    os.unlink(machine.root / "x.o")
    make_tree(machine.root, {"y.c": "2"})
    wait_for(lambda: "y.c" in machine.keys())
    machine.run("wait", "ws")
    assert machine.keys() == ["x.c", "x.o", "y.c", "y.tmp"]


def test_restart_ends_a_push_that_runs(machine):
    make_tree(machine.root, {"big": os.urandom(4 << 20), "rest": "1"})
    machine.write(("ws", {"root": machine.root, "remote": "store:ws", "fsync": False}))
    text = machine.sandbox.job_file.read_text()
    slow = text.replace("version = 1\n", 'version = 1\nengine.bandwidth_limit = "256 KiB/s"\n', 1)
    machine.sandbox.job_file.write_text(slow)
    machine.run("trust", "jobs.toml")
    first = machine.sandbox.start("push", "ws")
    wait_for(lambda: "rest" in machine.keys())
    machine.run("push", "ws", check=5)
    make_tree(machine.root, {"big": "small now"})
    machine.run("push", "ws", "--restart")
    assert machine.tree() == machine.files()
    assert first.wait(10) == 1, first.log()
