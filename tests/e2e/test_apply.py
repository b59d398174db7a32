"""A push to a local directory: what a user sees of `apply --once` and `plan`."""
import os
import stat

import pytest

from harness import File, Link, expected_tree, make_tree, modes, ops, read_tree, snapshot

pytestmark = pytest.mark.quick

TREE = {
    "a.txt": "one",
    "deep/er/still/b.bin": bytes(range(256)) * 300,
    "empty": "",
    "empty-dir/": None,
    ".hidden": "kept",
    "link": Link("a.txt"),
}


def test_copies_a_tree_and_does_nothing_the_second_time(sandbox):
    make_tree(sandbox.source, TREE)
    sandbox.job()
    sandbox.apply()
    assert read_tree(sandbox.target) == expected_tree(TREE)
    before = snapshot(sandbox.target)
    result = sandbox.apply()
    assert snapshot(sandbox.target) == before
    assert "nothing to do" in result.text


def test_with_fsync(sandbox):
    make_tree(sandbox.source, TREE)
    sandbox.job(fsync=True)
    sandbox.apply()
    assert read_tree(sandbox.target) == expected_tree(TREE)


def test_keeps_modification_times(sandbox):
    times = {"old": -123_456_789_000_000_001, "new": 16_725_225_600_000_000_000 // 2, "now": 1_700_000_000_123_456_789}
    make_tree(sandbox.source, {name: File(name, mtime=time) for name, time in times.items()})
    sandbox.job()
    sandbox.apply()
    assert {name: os.stat(sandbox.target / name).st_mtime_ns for name in times} == times
    assert sandbox.plan()["actions"] == []


def test_takes_up_changes_and_deletes_what_is_gone(sandbox):
    make_tree(sandbox.source, {"keep": "1", "change": "1", "gone": "1", "dir/gone": "1"})
    sandbox.job()
    sandbox.apply()
    (sandbox.source / "change").write_text("22")
    (sandbox.source / "gone").unlink()
    (sandbox.source / "dir/gone").unlink()
    (sandbox.source / "dir").rmdir()
    make_tree(sandbox.source, {"new/file": "3"})
    assert ops(sandbox.plan()) == {
        "change": "put", "gone": "delete", "dir/gone": "delete", "dir": "rmdir", "new": "mkdir", "new/file": "put"}
    sandbox.apply()
    assert read_tree(sandbox.target) == {"keep": b"1", "change": b"22", "new/file": b"3"}


def test_a_change_that_keeps_size_and_time_is_seen(sandbox):
    make_tree(sandbox.source, {"f": File("aaaa", mtime=1_600_000_000_000_000_000)})
    sandbox.job()
    sandbox.apply()
    make_tree(sandbox.source, {"f": File("bbbb", mtime=1_600_000_000_000_000_000)})
    sandbox.apply()
    assert read_tree(sandbox.target) == {"f": b"bbbb"}


def test_checksum_finds_corruption_that_kept_every_stamp(sandbox):
    """--checksum trusts no index. Only push has it; the corrupted target keeps its size and time."""
    make_tree(sandbox.source, {"f": "aaaa", "g": "bbbb"})
    sandbox.job()
    sandbox.apply()
    time = os.stat(sandbox.target / "f").st_mtime_ns
    make_tree(sandbox.target, {"f": File("XXXX", mtime=time)})
    sandbox.run("push", "copy", "--checksum")
    assert read_tree(sandbox.target) == {"f": b"aaaa", "g": b"bbbb"}


def test_file_and_directory_change_places(sandbox):
    make_tree(sandbox.source, {"x": "file", "y/inner": "file"})
    sandbox.job()
    sandbox.apply()
    (sandbox.source / "x").unlink()
    (sandbox.source / "y/inner").unlink()
    (sandbox.source / "y").rmdir()
    make_tree(sandbox.source, {"x/inner": "1", "y": "2"})
    sandbox.apply()
    assert read_tree(sandbox.target) == {"x/inner": b"1", "y": b"2"}


def test_plan_names_everything_and_changes_nothing(sandbox):
    make_tree(sandbox.source, {"a": "12345", "d/b": "1", "l": Link("a")})
    sandbox.job()
    everything = snapshot(sandbox.directory)
    document = sandbox.run("plan", "--json").json()
    assert snapshot(sandbox.source) == {
        path.removeprefix("source/") if path != "source" else ".": seen
        for path, seen in everything.items() if path == "source" or path.startswith("source/")}
    assert not sandbox.target.exists()
    assert document["version"] == 1
    (job,) = document["jobs"]
    assert list(job) == ["name", "direction", "source", "target", "actions", "summary", "halt"]
    assert (job["name"], job["direction"]) == ("copy", "push")
    assert (job["source"], job["target"]) == (str(sandbox.source), str(sandbox.target))
    assert ops(job) == {"a": "put", "d": "mkdir", "d/b": "put", "l": "symlink"}
    for action in job["actions"]:
        assert list(action) == ["op", "path", "bytes", "reason"] and action["reason"]
    assert {action["path"]: action["bytes"] for action in job["actions"]}["a"] == 5
    assert job["summary"] == {"put": 3, "mkdir": 1, "delete": 0, "chmod": 0, "unchanged": 0, "bytes": 6} or \
        job["summary"] == {"put": 2, "mkdir": 1, "delete": 0, "chmod": 0, "unchanged": 0, "bytes": 6}
    assert job["halt"] is None


def test_dry_run_changes_nothing(sandbox):
    make_tree(sandbox.source, TREE)
    sandbox.job()
    sandbox.apply("--dry-run")
    assert not sandbox.target.exists()


def test_permissions_owner(sandbox):
    """Directories 0700, new files the source's mode without group and others; what is equal keeps its mode."""
    make_tree(sandbox.source, {"d/x": File("1", mode=0o755), "d/r": File("2", mode=0o644), "s": File("3", mode=0o4755)})
    (sandbox.source / "d").chmod(0o775)
    sandbox.job()
    sandbox.apply()
    assert modes(sandbox.target) == {"d": 0o700, "d/x": 0o700, "d/r": 0o600, "s": 0o700}
    (sandbox.target / "d/r").chmod(0o640)
    sandbox.apply()
    assert modes(sandbox.target)["d/r"] == 0o640


def test_permissions_preserve_follows_a_chmod(sandbox):
    make_tree(sandbox.source, {"d/x": File("1", mode=0o754), "s": File("3", mode=0o4755)})
    (sandbox.source / "d").chmod(0o751)
    sandbox.source.chmod(0o750)
    sandbox.job(permissions="preserve")
    sandbox.apply()
    assert sandbox.target.stat().st_mode & 0o7777 == 0o750, "a root that syncline makes is as the source's"
    assert modes(sandbox.target) == {"d": 0o751, "d/x": 0o754, "s": 0o755}
    (sandbox.source / "d/x").chmod(0o600)
    assert ops(sandbox.plan()) == {"d/x": "chmod"}
    sandbox.apply()
    assert modes(sandbox.target)["d/x"] == 0o600


def test_a_directory_without_write_permission_is_copied(sandbox, needs_root):
    make_tree(sandbox.source, {"d/sub/x": "1", "d/y": "2"})
    (sandbox.source / "d").chmod(0o555)
    sandbox.become_nobody()
    sandbox.job(permissions="preserve")
    sandbox.apply()
    assert read_tree(sandbox.target) == {"d/sub/x": b"1", "d/y": b"2"}
    assert modes(sandbox.target)["d"] == 0o555


def test_symlinks_are_copied_as_they_are(sandbox):
    links = {"dangling": Link("no/such"), "absolute": Link("/etc/passwd"), "loop": Link("loop"), "dir": Link(".."),
             "out": Link("../../elsewhere")}
    make_tree(sandbox.source, links)
    sandbox.job()
    sandbox.apply()
    assert read_tree(sandbox.target) == links
    os.unlink(sandbox.source / "dangling")
    make_tree(sandbox.source, {"dangling": Link("other")})
    sandbox.apply()
    assert os.readlink(sandbox.target / "dangling") == "other"


def test_symlinks_can_be_skipped_or_followed(sandbox):
    make_tree(sandbox.source, {"a": "1", "l": Link("a"), "dangling": Link("none")})
    sandbox.job(symlinks="skip")
    sandbox.apply()
    assert read_tree(sandbox.target) == {"a": b"1"}
    sandbox.job(symlinks="follow", remote=sandbox.directory / "followed")
    sandbox.apply("-f", sandbox.job_file, check={0, 4})
    assert read_tree(sandbox.directory / "followed") == {"a": b"1", "l": b"1"}


def test_never_writes_through_a_symlink_on_the_target(sandbox):
    make_tree(sandbox.source, {"d/f": "inside"})
    sandbox.job()
    sandbox.apply()
    outside = sandbox.directory / "outside"
    make_tree(outside, {"f": "precious"})
    os.unlink(sandbox.target / "d/f")
    os.rmdir(sandbox.target / "d")
    os.symlink(outside, sandbox.target / "d")
    sandbox.apply()
    assert read_tree(outside) == {"f": b"precious"}
    assert read_tree(sandbox.target) == {"d/f": b"inside"}


def test_hard_links_become_separate_files(sandbox):
    make_tree(sandbox.source, {"a": "same"})
    os.link(sandbox.source / "a", sandbox.source / "b")
    sandbox.job()
    sandbox.apply()
    assert os.stat(sandbox.target / "a").st_ino != os.stat(sandbox.target / "b").st_ino
    assert read_tree(sandbox.target) == {"a": b"same", "b": b"same"}


def test_a_hard_link_on_the_target_is_broken_not_written_through(sandbox):
    make_tree(sandbox.source, {"a": "old"})
    sandbox.job()
    sandbox.apply()
    os.link(sandbox.target / "a", sandbox.directory / "backup")
    (sandbox.source / "a").write_text("new content")
    sandbox.apply()
    assert (sandbox.directory / "backup").read_text() == "old"
    assert (sandbox.target / "a").read_text() == "new content"


def test_holes_stay_holes(sandbox):
    with open(sandbox.source / "sparse", "wb") as file:
        file.write(b"start")
        file.seek(64 << 20)
        file.write(b"end")
    sandbox.job()
    sandbox.apply()
    status = os.stat(sandbox.target / "sparse")
    assert status.st_size == (64 << 20) + 3
    assert status.st_blocks * 512 < 1 << 20
    assert (sandbox.target / "sparse").read_bytes() == (sandbox.source / "sparse").read_bytes()


def test_special_files_are_named_and_never_opened(sandbox):
    """Opening the FIFO would block for ever; it is noted, and the run is a success."""
    make_tree(sandbox.source, {"a": "1"})
    os.mkfifo(sandbox.source / "pipe")
    if os.geteuid() == 0:
        os.mknod(sandbox.source / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    sandbox.job()
    result = sandbox.apply()
    assert read_tree(sandbox.target) == {"a": b"1"}
    assert "pipe" in result.text


def test_dot_git_is_neither_copied_nor_deleted(sandbox):
    make_tree(sandbox.source, {"a": "1", ".git/config": "source", "sub/.git": "gitdir: elsewhere"})
    make_tree(sandbox.target, {".git/config": "target"})
    sandbox.job()
    sandbox.apply()
    assert read_tree(sandbox.target) == {"a": b"1", ".git/config": b"target", "sub/": None}


def test_include_git_copies_it(sandbox):
    tree = {"a": "1", ".git/config": "source"}
    make_tree(sandbox.source, tree)
    sandbox.job(include_git=True)
    sandbox.apply()
    assert read_tree(sandbox.target) == expected_tree(tree)


def test_excludes_and_ignore_files(sandbox):
    make_tree(sandbox.source, {
        ".gitignore": "*.log\n!keep.log\nbuild/\n", ".synclineignore": "*.tmp\n!x.log\n", "a.log": "", "keep.log": "",
        "x.log": "", "build/out": "", "b.tmp": "", "c.txt": "", "src/node_modules/m": "", "src/d.o": "", "src/e.c": ""})
    sandbox.job(exclude=["**/node_modules/**", "*.o"])
    sandbox.apply()
    assert set(read_tree(sandbox.target)) == {".gitignore", ".synclineignore", "keep.log", "x.log", "c.txt", "src/e.c"}


def test_what_is_excluded_stays_on_the_target(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    make_tree(sandbox.target, {"build/out": "precious", "cache.o": "too"})
    sandbox.job(exclude=["build", "*.o"])
    sandbox.apply()
    assert read_tree(sandbox.target) == {"a": b"1", "build/out": b"precious", "cache.o": b"too"}


def test_delete_excluded_removes_it(sandbox):
    make_tree(sandbox.source, {"a": "1", "build/out": "new"})
    sandbox.job()
    sandbox.apply()
    sandbox.job(exclude=["build"], delete_excluded=True)
    sandbox.apply()
    assert read_tree(sandbox.target) == {"a": b"1"}


def test_push_of_one_path_touches_nothing_else(sandbox):
    make_tree(sandbox.source, {"a/x": "1", "b/y": "1"})
    sandbox.job()
    sandbox.apply()
    make_tree(sandbox.source, {"a/x": "22", "b/y": "22"})
    sandbox.run("push", "copy", "a", cwd=sandbox.source)
    assert read_tree(sandbox.target) == {"a/x": b"22", "b/y": b"1"}


def test_many_jobs_in_one_file(sandbox):
    names = [f"job{i}" for i in range(6)]
    for name in names:
        make_tree(sandbox.directory / name, {"f": name})
    sandbox.jobs(*((name, {"root": sandbox.directory / name, "remote": sandbox.directory / f"to-{name}"}) for name in names))
    sandbox.apply()
    for name in names:
        assert read_tree(sandbox.directory / f"to-{name}") == {"f": name.encode()}
    sandbox.apply("--job", "job1", "--job", "job2")


def test_ten_thousand_small_files(sandbox):
    tree = {f"d{i % 100}/f{i}": str(i) for i in range(10_000)}
    make_tree(sandbox.source, tree)
    sandbox.job()
    sandbox.apply()
    assert read_tree(sandbox.target) == expected_tree(tree)


def test_a_chain_of_jobs_is_run_link_by_link(sandbox):
    places = [sandbox.directory / name for name in "abcd"]
    make_tree(places[0], {"f": "1"})
    links = [(f"j{i}", {"root": places[i], "remote": places[i + 1]}) for i in range(3)]
    sandbox.jobs(*reversed(links))
    sandbox.apply()
    assert read_tree(places[3]) == {"f": b"1"}
    (places[0] / "f").write_text("22")
    sandbox.apply()
    assert read_tree(places[3]) == {"f": b"22"}
    assert all(not job["actions"] for job in sandbox.run("plan", "--json").json()["jobs"])


def test_a_file_with_the_name_of_a_temporary_one_is_noted(sandbox):
    name = ".syncline-tmp-0123456789abcdef"
    make_tree(sandbox.source, {"a": "1", name: "2"})
    sandbox.job()
    assert name in sandbox.apply().text
    assert read_tree(sandbox.target) == {"a": b"1"}
