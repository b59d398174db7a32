"""`watch = true` where inotify itself is the limit: queues that overflow, watches that run out, and great bursts."""
import json
import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from harness import make_tree, read_tree, stop, wait_for

QUEUE = pathlib.Path("/proc/sys/fs/inotify/max_queued_events")
HEAD = '[engine]\nbandwidth_limit = "1 MiB/s"\n'


def job(sandbox):
    return json.loads(sandbox.run("status", "--json", check=None).out)["jobs"][0]


def test_events_that_the_kernel_dropped(sandbox):
    """While the engine is stopped, more happens than the queue holds: all of it arrives, and what is deleted goes last."""
    most = int(QUEUE.read_text())
    if most > 100_000:
        pytest.skip(f"the kernel's queue is too large here to be filled: {most}")
    make_tree(sandbox.source, {"gone/a": "1", "gone/b": "2", "stays": "3"})
    sandbox.jobs(("copy", {"root": sandbox.source, "remote": sandbox.target, "fsync": False, "watch": True}), head=HEAD)
    process = sandbox.start("apply", "-v")
    sandbox.first_run()
    process.send_signal(signal.SIGSTOP)
    shutil.rmtree(sandbox.source / "gone")
    (sandbox.source / "large").write_bytes(os.urandom(2 << 20))
    for i in range(most // 2 + 100):  # created, closed
        os.close(os.open(sandbox.source / f"f{i}", os.O_CREAT | os.O_WRONLY))
    process.send_signal(signal.SIGCONT)
    # The full run takes two seconds, for the sake of the large file.
    seen = wait_for(lambda: (now := job(sandbox))["watch"]["overflowed"] and now["state"] == "transferring" and now)
    assert "nothing is deleted" in seen["problems"][0]["why"]
    assert (sandbox.target / "gone/a").exists()
    sandbox.arrives()
    wait_for(lambda: not job(sandbox)["watch"]["overflowed"])
    assert job(sandbox)["problems"] == [] and job(sandbox)["watch"]["active"]
    assert "max_queued_events" in process.log()
    # It watches again.
    make_tree(sandbox.source, {"after/it": "1"})
    sandbox.arrives()
    stop(process)


def in_a_namespace_with(limit):
    """Runs a command where one user may have so many inotify watches; None where there is no such thing."""
    wrapper = ["unshare", "-Ur", "sh", "-c", f'echo {limit} > /proc/sys/user/max_inotify_watches && exec "$@"', "sh"]
    return wrapper if subprocess.run([*wrapper, "true"], check=False, capture_output=True).returncode == 0 else None


def test_a_kernel_without_watches_left(sandbox):
    """The job lives by its interval and says how to raise the limit; with that raised it watches."""
    wrapper = in_a_namespace_with(100)
    if not wrapper:
        pytest.skip("no user namespace here whose limit of inotify watches can be lowered")
    make_tree(sandbox.source, {f"d{i}/file": str(i) for i in range(200)})
    sandbox.job(watch=True, interval="1s")
    process = sandbox.start("apply", wrapper=wrapper)
    sandbox.first_run()
    make_tree(sandbox.source, {"d0/file": "changed", "more/file": "new"})
    shutil.rmtree(sandbox.source / "d1")
    sandbox.arrives()
    shown = job(sandbox)
    why = shown["problems"][0]["why"]
    assert not shown["watch"]["active"] and "fs.inotify.max_user_watches=" in why and "by its interval" in why
    assert why in sandbox.run("status").out and process.log().count(why) == 1
    # Without an interval it would try again, and run, once a minute; an edit makes it try at once.
    sandbox.job(watch=True)
    wait_for(lambda: "every minute" in job(sandbox)["problems"][0]["why"])
    subprocess.run(["nsenter", "-U", "--preserve-credentials", "-t", str(process.pid), "sh", "-c",
                    "echo 10000 > /proc/sys/user/max_inotify_watches"], check=True)
    sandbox.job(watch=True, exclude=["*.log"])
    wait_for(lambda: job(sandbox)["watch"]["active"] and job(sandbox)["problems"] == [])
    make_tree(sandbox.source, {"seen/at/once": "1", "d0/file": "again"})
    sandbox.arrives()
    stop(process)


def test_fifty_thousand_files_at_once(sandbox):
    """Whether the queue overflows or not, all of them arrive."""
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(watch=True)
    process = sandbox.start("apply", "-v")
    sandbox.first_run()
    for d in range(100):
        directory = sandbox.source / f"d{d}"
        directory.mkdir()
        for i in range(500):
            fd = os.open(f"{directory}/{i}", os.O_CREAT | os.O_WRONLY)
            os.write(fd, b"%d" % i)
            os.close(fd)
    wait_for(lambda: sum(len(files) for _, _, files in os.walk(sandbox.target)) >= 50_001)
    sandbox.arrives()
    shutil.rmtree(sandbox.source / "d7")
    make_tree(sandbox.source, {"d8/0": "changed"})
    wait_for(lambda: not (sandbox.target / "d7").exists() and (sandbox.target / "d8/0").read_text() == "changed")
    stop(process)


def test_what_lies_behind_followed_symlinks(sandbox):
    """Nobody watches it, and the status says so: each run looks at everything."""
    outside = sandbox.directory / "outside"
    make_tree(outside, {"x": "1", "y": "2"})
    make_tree(sandbox.source, {"a": "1"})
    os.symlink(outside, sandbox.source / "link")
    sandbox.job(watch=True, symlinks="follow", interval="1s")
    sandbox.run("trust", sandbox.job_file)
    process = sandbox.start("apply")
    wait_for(lambda: (sandbox.target / "link/x").exists())
    assert "is not watched" in job(sandbox)["problems"][0]["why"]
    (outside / "x").unlink()
    make_tree(outside, {"z": "3"})
    wait_for(lambda: read_tree(sandbox.target) == {"a": b"1", "link/y": b"2", "link/z": b"3"})
    stop(process)
