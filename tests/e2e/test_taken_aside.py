"""kill -9 between taking aside and giving back: what somebody wrote in that moment is neither swept nor hidden."""
import os
import pathlib
import signal

import pytest

from harness import DEADLINE_S, Link, make_tree, read_tree, wait_for

HOLD_US = 1_500_000


def children(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def kill_between(sandbox, held, edit):
    """Runs a job whose renames are held up: `edit` is made at the first of `held`, and the program is killed at the second."""
    trace = sandbox.directory / "strace"
    process = sandbox.start("apply", "--once", wrapper=[
        "strace", "-f", "-qq", "-o", trace, "-e", f"trace={held}", "-e", f"inject={held}:delay_enter={HOLD_US}"])

    def calls():
        assert process.poll() is None, process.log()
        return trace.read_text().count("renameat") if trace.exists() else 0

    # strace writes a call's name when it is entered only once its line is over; of a held one the line has begun.
    wait_for(lambda: calls() >= 1)
    edit()
    wait_for(lambda: calls() >= 2)
    for child in children(process.pid):
        os.kill(child, signal.SIGKILL)
    assert process.wait(DEADLINE_S) != 0


def edit_by_rename(sandbox, path, content):
    def edit():
        make_tree(sandbox.directory, {"edit": content})
        os.rename(sandbox.directory / "edit", sandbox.target / path)
    return edit


def own_names(sandbox):
    return [name for name in os.listdir(sandbox.target) if name.startswith(".syncline-")]


@pytest.mark.parametrize("new, edit", [("new", "somebody's"), (Link("new"), "somebody's"), ("new", Link("somebody's"))])
def test_an_edit_that_a_killed_run_took_aside_is_kept_beside(sandbox, needs_root, new, edit):
    make_tree(sandbox.source, {"d/é": "old", "other": "1"})
    sandbox.job()
    sandbox.apply()
    os.unlink(sandbox.source / "d/é")
    make_tree(sandbox.source, {"d/é": new})
    new = new if isinstance(new, Link) else b"new"
    edited = edit if isinstance(edit, Link) else edit.encode()
    kill_between(sandbox, "renameat2", edit_by_rename(sandbox, "d/é", edit))
    assert read_tree(sandbox.target)["d/é"] == new
    plan = sandbox.run("plan")
    assert "taken aside" in plan.text
    again = sandbox.apply(check=4)
    assert "d/é: somebody changed it while a run that was killed" in again.text
    tree = read_tree(sandbox.target)
    kept = [path for path in tree if path.startswith("d/é.syncline-kept-")]
    assert len(kept) == 1 and len(tree) == 3 and tree[kept[0]] == edited and tree["d/é"] == new
    assert os.path.basename(kept[0]) in again.text
    # It stays, whatever a mirror would delete, and is told of.
    last = sandbox.apply()
    assert kept[0] in last.text and read_tree(sandbox.target) == tree


def test_an_edit_that_a_killed_delete_took_aside_is_back(sandbox, needs_root):
    make_tree(sandbox.source, {"f": "old", "other": "1"})
    sandbox.job()
    sandbox.apply()
    os.unlink(sandbox.source / "f")
    kill_between(sandbox, "renameat2", edit_by_rename(sandbox, "f", "somebody's"))
    assert "f" not in read_tree(sandbox.target)
    again = sandbox.apply(check=4)
    assert "f: somebody changed it while a run that was killed" in again.text
    assert read_tree(sandbox.target) == {"f": b"somebody's", "other": b"1"}


def test_what_is_ours_goes_without_a_word(sandbox, needs_root):
    """Killed with the old content, and with the new one, under a name of our own: neither is anybody's work."""
    for call, content in (("renameat2", b"old"), ("unlinkat", b"new")):
        make_tree(sandbox.source, {"f": "old", "other": "1"})
        sandbox.job()
        sandbox.apply()
        make_tree(sandbox.source, {"f": "new"})
        sandbox.apply(check=None, wrapper=[
            "strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when=1"])
        assert [name.startswith(".syncline-old-") for name in own_names(sandbox)] == [True], call
        assert read_tree(sandbox.target)["f"] == content
        again = sandbox.apply()
        assert "killed" not in again.text
        assert read_tree(sandbox.target) == {"f": b"new", "other": b"1"}
