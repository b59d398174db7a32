"""Modes and times of files whose content is equal follow the source where they were changed there."""
import os
import stat

import pytest

from harness import File, make_tree, ops

pytestmark = pytest.mark.quick


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def test_chmod_and_touch_alone_arrive(sandbox):
    make_tree(sandbox.source, {"run.sh": File("#!", mode=0o644), "a": "1", "kept": File("1", mode=0o644)})
    sandbox.job()
    sandbox.apply()
    os.chmod(sandbox.source / "run.sh", 0o755)
    os.chmod(sandbox.target / "kept", 0o755)  # changed there: none of the source's business
    os.utime(sandbox.source / "a", ns=(5, 1_500_000_000_123_456_789))
    assert ops(sandbox.plan()) == {"run.sh": "chmod", "a": "touch"}
    assert "1 mode, 1 touched" in sandbox.apply().text
    assert mode(sandbox.target / "run.sh") == 0o700 and mode(sandbox.target / "kept") == 0o755
    assert os.stat(sandbox.target / "a").st_mtime_ns == 1_500_000_000_123_456_789
    assert "nothing to do" in sandbox.apply().text
    os.chmod(sandbox.source / "run.sh", 0o600)
    os.utime(sandbox.source / "run.sh", ns=(5, 1_500_000_001_000_000_000))
    assert ops(sandbox.plan()) == {"run.sh": "touch"}
    sandbox.apply()
    assert mode(sandbox.target / "run.sh") == 0o600
    assert os.stat(sandbox.target / "run.sh").st_mtime == 1_500_000_001
    assert sandbox.plan()["actions"] == []


def test_what_shares_its_content_with_another_name_is_touched_alone(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job()
    sandbox.apply()
    os.link(sandbox.target / "a", sandbox.directory / "other-name")
    before = os.stat(sandbox.directory / "other-name").st_mtime_ns
    os.utime(sandbox.source / "a", ns=(5, 1_500_000_000_000_000_000))
    sandbox.apply(check={0, 4})
    sandbox.apply()
    assert os.stat(sandbox.directory / "other-name").st_mtime_ns == before
    assert os.stat(sandbox.target / "a").st_mtime == 1_500_000_000


def test_a_pull_that_overwrites_brings_times_too(sandbox):
    make_tree(sandbox.target, {"a": "1"})
    sandbox.job(pull="update")
    sandbox.run("pull", "copy")
    os.utime(sandbox.target / "a", ns=(5, 1_500_000_000_000_000_000))
    assert "1 touched" in sandbox.run("pull", "copy").text
    assert os.stat(sandbox.source / "a").st_mtime == 1_500_000_000


@pytest.mark.parametrize("lines", [[], ["ForceCommand internal-sftp"]], ids=["shell", "sftp"])
def test_both_arrive_on_a_server(sandbox, start_server, lines):
    start_server(lines=lines)
    make_tree(sandbox.source, {"run.sh": File("#!", mode=0o644), "d/a": "1", "both": File("1", mode=0o644)})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target"}))
    sandbox.apply()
    os.chmod(sandbox.source / "run.sh", 0o755)
    os.chmod(sandbox.source / "both", 0o755)
    for name in ("d/a", "both"):
        os.utime(sandbox.source / name, ns=(5, 1_500_000_000_123_456_789))
    assert ops(sandbox.plan()) == {"run.sh": "chmod", "d/a": "touch", "both": "touch"}
    assert "1 mode, 2 touched" in sandbox.apply().text
    assert mode(sandbox.target / "run.sh") == 0o700 and mode(sandbox.target / "both") == 0o700
    for name in ("d/a", "both"):
        assert int(os.stat(sandbox.target / name).st_mtime) == 1_500_000_000
    assert sandbox.plan()["actions"] == []
    sandbox.apply()
    assert sandbox.plan()["actions"] == []
