"""A target that others write too: runs of another state, files that somebody has open, directories that are not ours."""
import fcntl
import os

import pytest

from harness import DEADLINE_S, make_tree, read_tree, wait_for

LARGE = os.urandom(1 << 20) * 6


def other_state(sandbox):
    return {"XDG_STATE_HOME": str(sandbox.directory / "other-state")}


def test_a_run_of_another_state_is_kept_away(sandbox, needs_root):
    make_tree(sandbox.source, {"f": "old"})
    sandbox.job()
    sandbox.apply()
    make_tree(sandbox.source, {"f": "new"})
    trace = sandbox.directory / "strace"
    first = sandbox.start("apply", "--once", wrapper=[
        "strace", "-f", "-qq", "-o", trace, "-e", "trace=renameat2", "-e", "inject=renameat2:delay_enter=2000000:when=1"])
    wait_for(lambda: trace.exists() and "renameat2(" in trace.read_text())
    second = sandbox.apply(check=5, env=other_state(sandbox))
    assert "another run, of another state or another machine, works on" in second.text
    sandbox.run("plan", env=other_state(sandbox))
    assert first.wait(DEADLINE_S) == 0, first.log()
    sandbox.apply(env=other_state(sandbox))
    assert read_tree(sandbox.target) == {"f": b"new"}


def begun(sandbox):
    """A large file whose copy was killed half-way: its path on the target."""
    make_tree(sandbox.source, {"large": LARGE})
    keys = {"root": sandbox.source, "remote": sandbox.target, "fsync": False}
    sandbox.jobs(("copy", keys), head='[engine]\nbandwidth_limit = "1 MiB/s"\n')
    process = sandbox.start("apply", "--once")

    def beginnings():
        names = os.listdir(sandbox.target) if sandbox.target.exists() else []
        return [sandbox.target / name for name in names if name.startswith(".syncline-tmp-")]

    wait_for(lambda: [path for path in beginnings() if any(path.read_bytes())])
    process.kill()
    process.wait()
    sandbox.job()
    [path] = beginnings()
    return path


def test_kept_bytes_are_never_written_to_where_they_lie(sandbox, needs_root):
    path = begun(sandbox)
    with open(path, "rb") as held:
        before = held.read()
        sandbox.apply()
        held.seek(0)
        assert held.read() == before and os.fstat(held.fileno()).st_nlink == 0
    assert read_tree(sandbox.target) == {"large": LARGE}


def test_what_somebody_has_locked_is_neither_taken_over_nor_swept(sandbox, needs_root):
    path = begun(sandbox)
    with open(path, "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        before = held.read()
        sandbox.apply()
        assert path.read_bytes() == before
    assert (sandbox.target / "large").read_bytes() == LARGE
    sandbox.apply()
    assert read_tree(sandbox.target) == {"large": LARGE}


@pytest.mark.parametrize("kind", ["symlink", "foreign"])
def test_a_state_directory_that_is_not_ours_is_refused(sandbox, needs_root, kind):
    make_tree(sandbox.source, {"f": "1"})
    sandbox.job()
    elsewhere = sandbox.directory / "elsewhere"
    elsewhere.mkdir()
    if kind == "symlink":
        sandbox.state.parent.chmod(0o777)
        os.symlink(elsewhere, sandbox.state)
    else:
        sandbox.state.mkdir()
        os.chown(sandbox.state, 65534, 65534)
    refused = sandbox.apply(check=1)
    assert ("is a symlink" if kind == "symlink" else "belongs to another user") in refused.text
    assert os.listdir(elsewhere) == []


def test_a_state_directory_of_ones_own_may_lie_on_another_disk(sandbox):
    make_tree(sandbox.source, {"f": "1"})
    sandbox.job()
    disk = sandbox.directory / "disk"
    disk.mkdir()
    os.symlink(disk, sandbox.state)
    sandbox.apply()
    assert (disk / "state.db").exists() and disk.stat().st_mode & 0o777 == 0o700


def test_a_log_file_that_leads_elsewhere_is_refused(sandbox):
    make_tree(sandbox.source, {"f": "1"})
    sandbox.job()
    victim = sandbox.directory / "victim"
    victim.write_text("precious")
    os.symlink(victim, sandbox.directory / "log")
    refused = sandbox.apply("--log-file", sandbox.directory / "log", check=2)
    assert "is a symlink" in refused.text and victim.read_text() == "precious"
    os.link(victim, sandbox.directory / "other-log")
    sandbox.apply("--log-file", sandbox.directory / "other-log", check=2)
    assert victim.read_text() == "precious"


def test_a_private_directory_under_a_name_of_ours_is_not_emptied(sandbox, needs_root):
    """Who may write to the target may rename there what he may not enter."""
    make_tree(sandbox.source, {"f": "1"})
    make_tree(sandbox.target, {"private/thesis": "the only copy"})
    (sandbox.target / "private").chmod(0o700)
    sandbox.target.chmod(0o777)
    (sandbox.target / "private").rename(sandbox.target / ".syncline-tmp-0123456789abcdef")
    sandbox.job()
    sandbox.apply()
    assert (sandbox.target / ".syncline-tmp-0123456789abcdef/thesis").read_text() == "the only copy"
