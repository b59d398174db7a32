"""Pushes over SSH against a real OpenSSH server, as a user whose ssh_config works."""
import os
import sqlite3
import stat

import pytest

from harness import File, Link, expected_tree, make_tree, modes, ops, read_tree, snapshot

TREE = {"a/b/deep": "deep", "a/file": "content", "empty/": None, "link": Link("a/file"), "top": "1"}
HOSTILE = {
    b"-rf": "1", b"new\nline": "2", b"tab\tand\x1besc": "3", b"\xff\xfe": "4", b'"quotes" $(touch x) `y` \\ \'': "5",
    b" lead and trail ": "6", b"*?[a]": "7", "ü/日本".encode(): "8", b"x" * 255: "9", b"~": "10", b"a=b;c&d|e": "11",
    b"dir\n\xff/" + b"y" * 250: "12", b"empty \\n/": None}


@pytest.fixture
def push(sandbox, server):
    """One job from the source to `cse:target`; returns the sandbox."""

    def make(**keys):
        sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target", **keys}))
        return sandbox

    return make


def test_a_first_push_then_nothing_to_do(push, sandbox):
    make_tree(sandbox.source, TREE)
    push().run("push", "thesis")
    assert read_tree(sandbox.target) == expected_tree(TREE)
    before = snapshot(sandbox.target)
    sandbox.run("push", "thesis")
    assert snapshot(sandbox.target) == before
    plan = sandbox.plan()
    assert plan["actions"] == [] and plan["summary"]["unchanged"] >= 4
    assert plan["target"] == "cse:~/target"


def test_changes_and_deletes_arrive(push, sandbox):
    make_tree(sandbox.source, TREE)
    push().apply()
    make_tree(sandbox.source, {"a/file": "other", "new": "1"})
    os.unlink(sandbox.source / "top")
    os.unlink(sandbox.source / "a/b/deep")
    assert ops(sandbox.plan()) == {"a/file": "put", "new": "put", "top": "delete", "a/b/deep": "delete"}
    sandbox.apply()
    assert read_tree(sandbox.target) == {
        "a/b/": None, "a/file": b"other", "empty/": None, "link": Link("a/file"), "new": b"1"}


def test_what_was_changed_on_the_server_is_put_right(push, sandbox):
    make_tree(sandbox.source, TREE)
    push().apply()
    (sandbox.target / "a/file").write_text("tampered")
    (sandbox.target / "extra").write_text("not ours")
    assert "1 put (1 of them had been changed there)" in sandbox.apply().text
    assert read_tree(sandbox.target) == expected_tree(TREE | {"extra": "not ours"})
    push(delete="mirror").apply()
    assert read_tree(sandbox.target) == expected_tree(TREE)


def test_results_made_on_the_server_stay(push, sandbox, server):
    make_tree(sandbox.source, {"prog": "1", "old": "1", "theirs": "1"})
    make_tree(sandbox.target, {"theirs": "before", "results.txt": "made there"})
    server.own(sandbox.target)
    assert "3 put (overwriting 1 that syncline never saw)" in push().run("push", "thesis").text
    make_tree(sandbox.target, {"prog": "edited there", "results.txt": "made again"})
    make_tree(sandbox.source, {"prog": "2"})
    os.unlink(sandbox.source / "old")
    result = sandbox.run("push", "thesis")
    assert "1 put (1 of them had been changed there), 1 deleted" in result.text
    assert read_tree(sandbox.target) == {"prog": b"2", "theirs": b"1", "results.txt": b"made again"}


def test_a_default_that_changed_is_told_once(push, sandbox):
    make_tree(sandbox.source, {"a": "1"})
    push().apply()
    assert 'delete = "mirror"' not in sandbox.apply().text
    with sqlite3.connect(sandbox.state / "state.db") as state:
        state.execute("UPDATE pair SET made_by = 4")  # as the first version left it
    state.close()
    assert 'delete = "mirror"' not in sandbox.run("plan").text
    assert 'To keep the former way: delete = "mirror"' in sandbox.apply().text
    assert 'delete = "mirror"' not in sandbox.apply().text


def test_synced_by_name_spares_what_was_changed_there(push, sandbox):
    make_tree(sandbox.source, {"a": "1"})
    push(delete="synced").apply()
    make_tree(sandbox.target, {"a": "edited there"})
    make_tree(sandbox.source, {"a": "2"})
    assert "a: conflict" in sandbox.apply(check=4).text
    push(delete="synced", overwrite="always").apply()
    assert read_tree(sandbox.target) == {"a": b"2"}


def test_names_of_any_bytes(push, sandbox, server):
    make_tree(sandbox.source, HOSTILE)
    push().apply()
    assert snapshot(sandbox.target).keys() == snapshot(sandbox.source).keys()
    assert read_tree(sandbox.target) == read_tree(sandbox.source)
    assert sandbox.plan()["actions"] == []
    for name in list(HOSTILE)[:4]:
        os.unlink(os.path.join(os.fsencode(sandbox.source), name))
    sandbox.apply()
    assert read_tree(sandbox.target) == read_tree(sandbox.source)
    assert not (server.home / "x").exists()


def test_nobody_else_may_look_in(push, sandbox):
    make_tree(sandbox.source, {"d/script": File("#!", mode=0o755), "d/notes": File("1", mode=0o644)})
    push().apply()
    assert modes(sandbox.target) == {"d": 0o700, "d/script": 0o700, "d/notes": 0o600}
    assert stat.S_IMODE(sandbox.target.stat().st_mode) == 0o700


def test_permissions_can_be_carried(push, sandbox):
    make_tree(sandbox.source, {"d/script": File("#!", mode=0o755), "d/notes": File("1", mode=0o640)})
    os.chmod(sandbox.source / "d", 0o750)
    os.chmod(sandbox.source, 0o751)
    push(permissions="preserve").apply()
    assert stat.S_IMODE(sandbox.target.stat().st_mode) == 0o751
    assert modes(sandbox.target) == {"d": 0o750, "d/script": 0o755, "d/notes": 0o640}


def test_a_umask_of_the_job(push, sandbox):
    make_tree(sandbox.source, {"script": File("#!", mode=0o777), "notes": File("1", mode=0o666)})
    push(umask="027").apply()
    assert modes(sandbox.target) == {"script": 0o750, "notes": 0o640}


def test_a_dry_run_and_a_plan_change_nothing(push, sandbox, server):
    make_tree(sandbox.source, TREE)
    before = snapshot(server.home)
    assert ops(push().plan())["a/file"] == "put"
    assert "a/file" in sandbox.run("push", "thesis", "--dry-run").out
    assert snapshot(server.home) == before


def test_the_first_mirror_deletes_nothing_that_was_there(push, sandbox, server):
    make_tree(sandbox.source, {"ours": "1"})
    make_tree(sandbox.target, {"theirs": "1"})
    server.own(sandbox.target)
    result = push(delete="mirror").apply(check=3)
    assert "no-baseline" in result.text and "--adopt" in result.text
    assert read_tree(sandbox.target) == {"theirs": b"1"}
    sandbox.apply("--adopt")
    assert read_tree(sandbox.target) == {"ours": b"1"}


def test_another_directory_in_its_place_halts(push, sandbox, server):
    make_tree(sandbox.source, {"ours": "1"})
    push().apply()
    os.rename(sandbox.target, server.home / "moved")
    make_tree(sandbox.target, {"theirs": "1"})
    assert "remote-changed" in sandbox.apply(check=3).text
    assert read_tree(sandbox.target) == {"theirs": b"1"}


@pytest.mark.parametrize("directory", ["~", "", ".", "~/.", "/", "../student", "projects"])
def test_no_mirror_onto_home_or_the_root_of_all_projects(sandbox, server, directory):
    make_tree(sandbox.source, {"ours": "1"})
    make_tree(server.home, {"projects/x": "1"})
    server.own(server.home)
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": f"cse:{directory}" if directory else "cse:./",
                             "delete": "mirror"}),
                 head='[hosts.cse]\nremote_root = "~/projects"\n')
    before = snapshot(server.home)
    assert "unsafe-target" in sandbox.apply(check=3).text
    assert snapshot(server.home) == before


def test_an_emptied_source_halts(push, sandbox):
    make_tree(sandbox.source, TREE)
    push().apply()
    for name in ("top", "link", "a/file", "a/b/deep"):
        os.unlink(sandbox.source / name)
    for name in ("a/b", "a", "empty"):
        os.rmdir(sandbox.source / name)
    assert "root-emptied" in sandbox.apply(check=3).text
    assert read_tree(sandbox.target) == expected_tree(TREE)


def test_what_may_not_be_written_is_named_and_the_rest_arrives(push, sandbox, server):
    make_tree(sandbox.source, {"locked/file": "1", "open": "1"})
    push().apply()
    os.chown(sandbox.target / "locked", 0, 0)
    os.chmod(sandbox.target / "locked", 0o755)
    make_tree(sandbox.source, {"locked/file": "2", "open": "2"})
    result = sandbox.apply(check=4)
    assert "locked/file" in result.err and "ermission denied" in result.err
    assert read_tree(sandbox.target) == {"locked/file": b"1", "open": b"2"}


def test_a_target_that_is_a_file_is_refused(push, sandbox, server):
    make_tree(sandbox.source, {"a": "1"})
    (server.home / "target").write_text("a file")
    assert "is no directory" in push().apply(check=1).text


def test_two_jobs_share_the_connections_of_a_host(sandbox, server):
    tables = []
    for number in range(6):
        make_tree(sandbox.source / str(number), {f"file{i}": str(i) for i in range(20)})
        tables.append((f"job{number}", {"root": sandbox.source / str(number), "remote": f"cse:target/{number}"}))
    sandbox.jobs(*tables, head="[engine]\nconnections_per_host = 2\nmax_parallel_jobs = 6\n")
    sandbox.apply()
    for number in range(6):
        assert len(read_tree(sandbox.target / str(number))) == 20
    assert server.connections <= 2


def test_another_user_there_is_another_destination(push, sandbox, server):
    make_tree(sandbox.source, {"ours": "1"})
    push(delete="mirror").apply()
    (sandbox.target / "theirs").write_text("1")
    config = sandbox.home / ".ssh/config"
    config.write_text(config.read_text().replace("User student", "User other"))
    passwd = server.directory / "passwd"
    passwd.write_text(passwd.read_text() + passwd.read_text().splitlines()[-1].replace("student:", "other:", 1) + "\n")
    # What was recorded for one user is no licence to delete as another.
    assert "no-baseline" in sandbox.apply(check=3).text
