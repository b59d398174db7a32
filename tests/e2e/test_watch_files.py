"""`watch = true`: every way in which a file can change, files that are still written, hard links, and what could not be done."""
import contextlib
import json
import mmap
import os
import re
import subprocess
import threading
import time

import pytest

from harness import make_tree, stop, wait_for

pytestmark = pytest.mark.quick


def watch(sandbox, **keys):
    sandbox.job(watch=True, **keys)
    process = sandbox.start("apply", "-v")
    sandbox.first_run()
    return process


def job(sandbox, index=0):
    return json.loads(sandbox.run("status", "--json", check=None).out)["jobs"][index]


def test_a_file_changes_in_every_way_there_is(sandbox):
    """The files stay open to the end, so that nothing is told by a close."""
    names = ("written", "shortened", "grown", "copied", "by name", "mode")
    make_tree(sandbox.source, {name: "0" * 9000 for name in names} | {"other": "content"})
    process = watch(sandbox, permissions="preserve")
    with contextlib.ExitStack() as stack:
        fds = {name: stack.enter_context(open(sandbox.source / name, "r+b", buffering=0)).fileno() for name in names}
        other = stack.enter_context(open(sandbox.source / "other", "rb")).fileno()
        os.pwrite(fds["written"], b"elsewhere", 2000)
        sandbox.arrives()
        os.ftruncate(fds["shortened"], 3000)
        sandbox.arrives()
        os.posix_fallocate(fds["grown"], 0, 12_000)
        sandbox.arrives()
        os.copy_file_range(other, fds["copied"], 7)
        sandbox.arrives()
        os.truncate(sandbox.source / "by name", 5000)  # neither opens nor closes it
        sandbox.arrives()
        (sandbox.source / "mode").chmod(0o755)
        wait_for(lambda: os.stat(sandbox.target / "mode").st_mode & 0o777 == 0o755)
    stop(process)


def test_what_is_written_through_a_map_is_there_after_its_close(sandbox):
    """Only the first write to a page moves the file's times; what comes later in it shows in no stamp."""
    make_tree(sandbox.source, {"file": "0" * 8192, "other": "1"})
    process = watch(sandbox)
    with open(sandbox.source / "file", "r+b") as file, mmap.mmap(file.fileno(), 8192) as mapped:
        mapped[0:5] = b"first"
        stamp = os.stat(sandbox.source / "file")
        wait_for(lambda: time.time_ns() > stamp.st_ctime_ns + 100_000_000)  # no run takes it for one of this moment
        sandbox.run("push", "copy")
        assert (sandbox.target / "file").read_bytes()[:5] == b"first"
        mapped[0:6] = b"second"  # moves no time, unless the kernel wrote the page out meanwhile
    sandbox.arrives()
    stop(process)


def test_all_names_of_a_file_are_looked_at(sandbox):
    make_tree(sandbox.source, {"a": "1", "sub/other": "2"})
    process = watch(sandbox, interval="2s")
    os.link(sandbox.source / "a", sandbox.source / "sub/b")
    sandbox.arrives()
    for text in ("by one name", "and by it again"):
        (sandbox.source / "a").write_text(text)
        sandbox.arrives()
    (sandbox.source / "sub/b").write_text("by the other name")
    sandbox.arrives()
    # By a name that nobody watches: the next run that looks at everything sees it.
    outside = sandbox.directory / "outside"
    os.link(sandbox.source / "a", outside)
    outside.write_text("by a name outside of the root")
    sandbox.arrives()
    stop(process)


def test_the_other_name_is_looked_at_without_any_run_of_everything(sandbox):
    make_tree(sandbox.source, {"a": "1", "deep/er/b": "2"})
    os.unlink(sandbox.source / "deep/er/b")
    os.link(sandbox.source / "a", sandbox.source / "deep/er/b")
    process = watch(sandbox)
    (sandbox.source / "a").write_text("written")
    sandbox.arrives()
    assert (sandbox.target / "deep/er/b").read_text() == "written"
    stop(process)


def test_a_file_that_is_still_written(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    process = watch(sandbox)
    with open(sandbox.source / "big", "wb", buffering=0) as file:
        file.write(b"half")
        sandbox.arrives()
        file.write(b" and the other half")
        sandbox.arrives()  # without its close
        file.write(b", and the rest")
    sandbox.arrives()
    stop(process)


def test_a_log_that_is_written_without_end(sandbox):
    """It arrives now and then; other files need not wait for it, and `wait` returns."""
    make_tree(sandbox.source, {"a": "1"})
    process = watch(sandbox)
    goes_on = True

    def write():
        with open(sandbox.source / "log", "ab", buffering=0) as log:
            while goes_on:
                log.write(b"one more line\n")
                time.sleep(0.001)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        wait_for(lambda: (sandbox.source / "log").exists() and (sandbox.source / "log").stat().st_size > 10_000)
        make_tree(sandbox.source, {"a": "saved meanwhile"})
        wait_for(lambda: (sandbox.target / "a").read_text() == "saved meanwhile")
        size = (sandbox.source / "log").stat().st_size
        wait_for(lambda: (sandbox.source / "log").stat().st_size > size + 30_000)
        begun = job(sandbox)["generation"]
        assert begun < 15  # for thousands of writes
        sandbox.run("wait", "copy", check={0, 4})
    finally:
        goes_on = False
        thread.join()
    sandbox.arrives()
    stop(process)


def test_wait_tells_of_what_failed_a_moment_ago(sandbox, needs_root):
    """A path that cannot be read is tried again later: until then nobody is told that all is done."""
    make_tree(sandbox.source, {"a": "1"})
    sandbox.become_nobody()
    process = watch(sandbox)
    make_tree(sandbox.source, {"secret": "2"})
    os.chmod(sandbox.source / "secret", 0)
    wait_for(lambda: "secret" in process.log())
    assert "secret" in sandbox.run("wait", "copy", check=4).text
    make_tree(sandbox.source, {"a": "3"})
    wait_for(lambda: (sandbox.target / "a").read_text() == "3")
    shown = sandbox.run("wait", "copy", check=4).text
    assert "secret" in shown, shown
    assert [problem["path"] for problem in job(sandbox)["problems"]] == ["secret"]
    os.chmod(sandbox.source / "secret", 0o644)
    os.chown(sandbox.source / "secret", 65534, 65534)
    sandbox.arrives()
    sandbox.run("wait", "copy")
    stop(process)


def inotify_instances(pid):
    count = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink(f"/proc/{pid}/fd/{name}") == "anon_inode:inotify"
    return count


def test_all_jobs_share_one_inotify_instance(sandbox):
    roots = []
    for i in range(20):
        make_tree(sandbox.directory / f"s{i}", {"file": "1", "d/file": "2"})
        roots.append((f"j{i}", {"root": sandbox.directory / f"s{i}", "remote": sandbox.directory / f"t{i}", "fsync": False,
                                "watch": True}))
    sandbox.jobs(*roots)
    process = sandbox.start_engine()
    for i in range(20):
        sandbox.run("wait", f"j{i}")
    assert inotify_instances(process.pid) == 1
    for i in range(20):
        make_tree(sandbox.directory / f"s{i}", {"d/file": "changed"})
    for i in range(20):
        wait_for(lambda i=i: (sandbox.directory / f"t{i}/d/file").read_text() == "changed")
    stop(process)


def test_one_source_to_two_targets(sandbox):
    make_tree(sandbox.source, {"d/file": "1"})
    other = sandbox.directory / "other"
    sandbox.jobs(("one", {"root": sandbox.source, "remote": sandbox.target, "fsync": False, "watch": True}),
                 ("two", {"root": sandbox.source, "remote": other, "fsync": False, "watch": True}))
    process = sandbox.start_engine()
    for name in ("one", "two"):
        sandbox.run("wait", name)
    make_tree(sandbox.source, {"d/file": "2", "new/er": "3"})
    for target in (sandbox.target, other):
        wait_for(lambda target=target: (target / "new/er").exists() and (target / "d/file").read_text() == "2")
    # When one is no longer watched, the other still is.
    sandbox.jobs(("two", {"root": sandbox.source, "remote": other, "fsync": False, "watch": True}))
    wait_for(lambda: "removed one" in process.log())
    make_tree(sandbox.source, {"d/file": "3", "new/er": "4"})
    wait_for(lambda: (other / "d/file").read_text() == "3" and (other / "new/er").read_text() == "4")
    stop(process)


def test_the_job_file_is_followed_where_the_kernel_gives_no_inotify_instance(sandbox):
    wrapper = ["unshare", "-Ur", "sh", "-c", 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"', "sh"]
    if subprocess.run([*wrapper, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("no user namespace here whose limit of inotify instances can be lowered")
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(interval="1h")
    process = sandbox.start("apply", wrapper=wrapper)
    sandbox.first_run()
    sandbox.job(name="renamed", interval="1h", on_start=True)
    wait_for(lambda: re.search(r"renamed", process.log()))
    stop(process)
