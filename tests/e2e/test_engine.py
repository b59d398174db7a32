"""The long run: schedules, live reload, signals, and two instances."""
import os
import re
import signal

import pytest

from harness import make_tree, read_tree, stop, wait_for

pytestmark = pytest.mark.quick


def test_an_interval_brings_changes_over(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(interval="1s")
    process = sandbox.start("apply")
    wait_for(lambda: (sandbox.target / "a").exists())
    make_tree(sandbox.source, {"b": "2"})
    wait_for(lambda: (sandbox.target / "b").exists())
    stop(process)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_engine(sandbox, how):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(interval="1h")
    process = sandbox.start("apply")
    wait_for(lambda: (sandbox.target / "a").exists())
    process.send_signal(how)
    assert process.wait(5) == 0, process.log()


def test_sigterm_in_the_middle_of_a_transfer(sandbox):
    """It ends within seconds; what stands under its name is whole; the next run goes on."""
    content = os.urandom(1 << 20)
    tree = {f"f{i:03}": content for i in range(400)}
    make_tree(sandbox.source, tree)
    sandbox.job(interval="1h", fsync=True)
    process = sandbox.start("apply")
    wait_for(lambda: sandbox.target.exists() and len(os.listdir(sandbox.target)) > 3)
    process.terminate()
    process.wait(10)
    for path, found in read_tree(sandbox.target).items():
        if path in tree:
            assert found == content
    sandbox.apply()
    assert read_tree(sandbox.target) == tree


def test_an_edited_job_file_is_taken_up(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    other = sandbox.directory / "other"
    sandbox.job(interval="1h")
    process = sandbox.start("apply")
    wait_for(lambda: (sandbox.target / "a").exists())
    sandbox.jobs(("copy", {"root": sandbox.source, "remote": sandbox.target, "interval": "1h"}),
                 ("second", {"root": sandbox.source, "remote": other, "interval": "1h"}))
    wait_for(lambda: (other / "a").exists())
    stop(process)


def test_an_edit_by_rename_is_taken_up(sandbox):
    """As most editors save: a new file is renamed over the old one."""
    make_tree(sandbox.source, {"a": "1"})
    other = sandbox.directory / "other"
    sandbox.job(interval="1h")
    process = sandbox.start("apply")
    wait_for(lambda: (sandbox.target / "a").exists())
    text = sandbox.job_file.read_text() + f'\n[jobs.second]\nroot = "{sandbox.source}"\nremote = "{other}"\n'
    (sandbox.directory / "jobs.toml~").write_text(text)
    (sandbox.directory / "jobs.toml~").chmod(0o600)
    os.rename(sandbox.directory / "jobs.toml~", sandbox.job_file)
    wait_for(lambda: (other / "a").exists())
    stop(process)


def test_an_invalid_edit_is_reported_and_the_old_file_stays(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(interval="1s")
    process = sandbox.start("apply")
    wait_for(lambda: (sandbox.target / "a").exists())
    good = sandbox.job_file.read_text()
    sandbox.job_file.write_text("version = 1\n[jobs.copy]\nroott = 3\n")
    wait_for(lambda: "roott" in process.log())
    make_tree(sandbox.source, {"b": "2"})
    wait_for(lambda: (sandbox.target / "b").exists())
    sandbox.job_file.write_text(good)
    stop(process)


def test_sighup_reloads(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(interval="1h")
    process = sandbox.start("apply")
    wait_for(lambda: (sandbox.target / "a").exists())
    other = sandbox.directory / "other"
    sandbox.job(interval="1h", remote=other)
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: (other / "a").exists())
    assert process.poll() is None
    stop(process)


def test_a_second_engine_on_the_same_file_is_refused_with_the_pid(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(interval="1h")
    process = sandbox.start("apply")
    wait_for(lambda: (sandbox.target / "a").exists())
    result = sandbox.run("apply", check=5)
    assert str(process.pid) in result.text
    stop(process)
    sandbox.apply()


def test_a_killed_engine_leaves_no_stale_lock(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(interval="1h")
    process = sandbox.start("apply")
    wait_for(lambda: (sandbox.target / "a").exists())
    process.kill()
    process.wait(10)
    sandbox.apply()


def test_a_job_that_runs_is_locked_for_others(sandbox):
    """The first run is stopped in the middle of a file."""
    make_tree(sandbox.source, {"big": os.urandom(200_000)})
    sandbox.jobs(("copy", {"root": sandbox.source, "remote": sandbox.target, "fsync": False}),
                 head='[engine]\nbandwidth_limit = "64 KiB/s"\n')
    process = sandbox.start("apply", "--once")
    wait_for(lambda: sandbox.target.exists() and os.listdir(sandbox.target))
    process.send_signal(signal.SIGSTOP)
    result = sandbox.apply(check=5)
    assert re.search(r"PID \d+", result.text)
    process.send_signal(signal.SIGCONT)
    assert process.wait(60) == 0, process.log()


def test_on_start_false_waits_for_the_interval(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    make_tree(sandbox.directory / "marker", {"m": "1"})
    sandbox.jobs(("late", {"root": sandbox.source, "remote": sandbox.target, "interval": "1h", "on_start": False}),
                 ("marker", {"root": sandbox.directory / "marker", "remote": sandbox.directory / "to", "interval": "1h"}))
    process = sandbox.start("apply")
    wait_for(lambda: (sandbox.directory / "to/m").exists())
    stop(process)
    assert not sandbox.target.exists()


def test_a_failing_job_leaves_the_engine_running(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.jobs(("broken", {"root": sandbox.directory / "nowhere", "remote": sandbox.directory / "x", "interval": "1s"}),
                 ("works", {"root": sandbox.source, "remote": sandbox.target, "interval": "1s"}))
    process = sandbox.start("apply")
    wait_for(lambda: (sandbox.target / "a").exists())
    wait_for(lambda: "root-missing" in process.log())
    make_tree(sandbox.source, {"b": "1"})
    wait_for(lambda: (sandbox.target / "b").exists())
    assert process.poll() is None
    process.terminate()
    process.wait(10)


def temporaries(directory):
    return [name for name in os.listdir(directory) if name.startswith(".syncline-tmp-")]


@pytest.mark.parametrize("edits_between", [False, True])
def test_a_large_file_goes_on_where_a_timeout_cut_it(sandbox, edits_between):
    """It could not be copied within one timeout."""
    content = bytearray(os.urandom(9 << 20))
    make_tree(sandbox.source, {"large": bytes(content)})
    job = {"root": sandbox.source, "remote": sandbox.target, "fsync": False, "timeout": "1s"}
    sandbox.jobs(("copy", job), head='[engine]\nbandwidth_limit = "4 MiB/s"\n')
    assert "timed out" in sandbox.apply(check=1).text
    assert len(temporaries(sandbox.target)) == 1
    if edits_between:
        content[1000] ^= 1
        (sandbox.source / "large").write_bytes(content)
    for _ in range(8):
        if sandbox.apply(check={0, 1}).status == 0:
            break
    assert read_tree(sandbox.target) == {"large": bytes(content)}


def test_what_was_begun_of_a_file_that_is_gone_is_swept(sandbox):
    make_tree(sandbox.source, {"large": os.urandom(9 << 20), "small": "1"})
    job = {"root": sandbox.source, "remote": sandbox.target, "fsync": False, "timeout": "1s"}
    sandbox.jobs(("copy", job), head='[engine]\nbandwidth_limit = "4 MiB/s"\n')
    sandbox.apply(check=1)
    assert len(temporaries(sandbox.target)) == 1
    os.unlink(sandbox.source / "large")
    sandbox.apply()
    assert os.listdir(sandbox.target) == ["small"]
