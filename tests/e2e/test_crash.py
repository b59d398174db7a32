"""kill -9 at every system call that changes something: what can be read is whole, and one more run converges."""
import os
import re
import shutil
import subprocess

import pytest

from harness import File, Link, expected_tree, make_tree, read_tree

OLD = {"same": "same", "changed": "old " * 2000, "gone": "bye", "dir/gone": "bye", "dir/changed": "old", "link": Link("same"),
       "was-file": "f", "was-dir/f": "f"}
NEW = {"same": "same", "changed": "new " * 3000, "dir/changed": "new", "fresh/a": "a", "fresh/b": b"b" * 200_000, "empty/": None,
       "link": Link("changed"), "was-file/f": "d", "was-dir": "now a file", "run": File("x", mode=0o755)}

CALLS = ["rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "link", "linkat", "symlink",
         "symlinkat", "write", "pwrite64", "writev", "copy_file_range", "sendfile", "ftruncate", "fallocate", "fchmod", "fchmodat",
         "utimensat", "fsync", "fdatasync", "syncfs", "ioctl", "openat"]


def make_old(sandbox, fsync):
    """The sandbox after a whole run of OLD, with NEW in the source."""
    make_tree(sandbox.source, OLD)
    sandbox.job(fsync=fsync)
    sandbox.apply()
    shutil.rmtree(sandbox.source / "dir")
    shutil.rmtree(sandbox.source / "was-dir")
    for name in ("gone", "link", "was-file", "changed"):
        os.unlink(sandbox.source / name)
    make_tree(sandbox.source, NEW)
    subprocess.run(["cp", "-a", sandbox.target, sandbox.directory / "target.old"], check=True)
    subprocess.run(["cp", "-a", sandbox.state.parent, sandbox.directory / "state.old"], check=True)


def go_back(sandbox):
    """Target and state as make_old left them; the target keeps its inode, or the guard on it would halt."""
    for name, path in (("target.old", sandbox.target), ("state.old", sandbox.state.parent)):
        subprocess.run(["rsync", "-aIc", "--delete", f"{sandbox.directory / name}/", f"{path}/"], check=True)


def counts(sandbox):
    """How often each call is made at most by one thread of the run, counted by an undisturbed one."""
    log = sandbox.directory / "strace"
    sandbox.apply(wrapper=["strace", "-f", "-qq", "-o", log, "-e", "trace=" + ",".join(CALLS)])
    found = {}
    for thread, call in re.findall(r"^(\d+) +(\w+)\(", log.read_text(errors="replace"), re.MULTILINE):
        found.setdefault(call, {}).setdefault(thread, 0)
        found[call][thread] += 1
    return {call: max(threads.values()) for call, threads in found.items()}


def check_atomic(sandbox, when):
    """Every file that stands under a name of the tree is its old or its new content, whole."""
    allowed = {}
    for tree in (expected_tree(OLD), expected_tree(NEW)):
        for path, content in tree.items():
            allowed.setdefault(path, []).append(content)
    for path, content in read_tree(sandbox.target).items():
        if path in allowed:
            assert content in allowed[path], f"{path} is neither old nor new after a kill at {when}"


@pytest.mark.parametrize("fsync", [False, True])
def test_killed_at_every_changing_call(sandbox, needs_root, fsync):
    make_old(sandbox, fsync)
    calls = counts(sandbox)
    assert read_tree(sandbox.target) == expected_tree(NEW), "undisturbed"
    assert calls, "the run makes none of the calls that are listed here"
    kills = 0
    for call, most in sorted(calls.items()):
        # What the loader and the allocator open comes first; beyond a few dozen calls the places repeat.
        for when in range(1, min(most, 60) + 1):
            go_back(sandbox)
            at = f"{call} {when}"
            result = sandbox.apply(check=None, wrapper=[
                "strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={when}"])
            kills += result.status not in (0, 4)
            check_atomic(sandbox, at)
            again = sandbox.apply(check=None)
            assert again.status == 0, f"after a kill at {at}: {again!r}"
            assert read_tree(sandbox.target) == expected_tree(NEW), f"after a kill at {at}"
    assert kills > 20


# Not `write`: it wakes threads here, and no kernel fails that.
@pytest.mark.parametrize("call", ["openat", "copy_file_range", "renameat2", "renameat", "rename", "unlinkat", "mkdirat",
                                  "fchmod", "utimensat", "ftruncate", "fsync", "syncfs", "pwrite64"])
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_one_failing_call_never_leaves_a_lie(sandbox, needs_root, call, error):
    """Each call fails once, in turn: whatever the run reports, nothing is half written, and the next run repairs it."""
    make_old(sandbox, fsync=True)
    most = counts(sandbox).get(call, 0)
    for when in range(1, min(most, 25) + 1):
        go_back(sandbox)
        at = f"{call} {when} {error}"
        result = sandbox.apply(check=None, wrapper=[
            "strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}"])
        assert result.status in (0, 1, 2, 3, 4, 127), f"{at}: {result!r}"
        check_atomic(sandbox, at)
        if result.status == 0:
            assert read_tree(sandbox.target) == expected_tree(NEW), f"{at}: exit 0, but the target is not the source"
        again = sandbox.apply(check=None)
        assert again.status == 0, f"after {at}: {again!r}"
        assert read_tree(sandbox.target) == expected_tree(NEW), f"after {at}"
