"""Pushes to an account that has SFTP alone: whose the files in the making are, and what is sent of a file."""
import os
import re

import pytest

from harness import make_tree, read_tree

OLD_S = 2 * 3600
OTHERS = ".syncline-tmp-0123456789abcdef"


@pytest.fixture
def push(sandbox, start_server):
    server = start_server(lines=["ForceCommand internal-sftp"])
    make_tree(sandbox.target, {"there": "1"})
    server.own(server.home)
    sandbox.jobs(("lab", {"root": sandbox.source, "remote": "cse:target", "delete": "never"}))

    def run(*options, **checks):
        server.own(server.home)
        return sandbox.run("push", "lab", *options, **checks)

    return run


def test_what_another_state_has_in_the_making_is_left_alone_while_it_may_live(push, sandbox):
    make_tree(sandbox.source, {"f": "1"})
    make_tree(sandbox.target, {OTHERS: "x" * (2 << 20), "d/" + OTHERS: "small"})
    push()
    assert (sandbox.target / OTHERS).exists() and (sandbox.target / "d" / OTHERS).exists()
    for path in (sandbox.target / OTHERS, sandbox.target / "d" / OTHERS):
        os.utime(path, (path.stat().st_mtime - OLD_S,) * 2)
    make_tree(sandbox.source, {"f": "2"})
    push()
    assert set(read_tree(sandbox.target)) == {"f", "there", "d/"}


def test_what_was_left_is_copied_and_never_written_to(push, sandbox):
    """Under the very name that a run of this state gave: found out from one that is watched."""
    content = os.urandom(3 << 20)
    make_tree(sandbox.source, {"large": content})
    seen = set()
    process = sandbox.start("push", "lab", "--bwlimit", "1MiB/s")
    while process.poll() is None and not seen:
        seen = {name for name in os.listdir(sandbox.target) if re.fullmatch(r"\.syncline-tmp-[0-9a-f]{16}", name)}
    process.wait()
    assert seen
    (name,) = seen
    (sandbox.target / "large").unlink()
    kept = make_tree(sandbox.target, {name: content[:2 << 20]}) / name
    os.chmod(kept, 0o600)
    reader = os.open(kept, os.O_RDONLY)
    push()
    assert (sandbox.target / "large").read_bytes() == content
    assert os.fstat(reader).st_size == 2 << 20
    os.close(reader)
    assert set(read_tree(sandbox.target)) == {"large", "there"}


def test_holes_stay_holes(push, sandbox):
    for name, size in (("middle", 50 << 20), ("end", 60 << 20)):
        with open(sandbox.source / name, "wb") as file:
            file.write(b"begin")
            if name == "middle":
                file.seek(40 << 20)
                file.write(b"middle")
            file.truncate(size)
    push()
    for name in ("middle", "end"):
        assert (sandbox.target / name).read_bytes() == (sandbox.source / name).read_bytes()
        assert (sandbox.target / name).stat().st_blocks * 512 < 1 << 20


def test_a_directory_that_cannot_be_entered_is_not_taken_for_an_empty_one(push, sandbox):
    """OpenSSH's server leaves out of a listing what it cannot look at."""
    make_tree(sandbox.source, {"d/f": "1", "top": "2"})
    push()
    (sandbox.target / "d").chmod(0o600)
    result = sandbox.run("pull", "lab", "--overwrite", check=4)
    assert "cannot be entered on the server" in result.text
    assert read_tree(sandbox.source)["d/f"] == b"1"
    (sandbox.target / "d").chmod(0o700)
