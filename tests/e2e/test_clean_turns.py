"""When cleans run, which of them gives way, what one leaves that is killed, and what many directories cost."""
import json
import os
import re
import shutil
import signal

import pytest

from browser import Browser
from harness import wait_for
from projects import hooked_tool, stand_in
from tcp_proxy import CuttingProxy


def test_a_killed_clean_leaves_no_half_project_and_the_next_one_sweeps(projects):
    old = projects.add("old", 400, files=50)
    tools = hooked_tool(projects.server, "rm", "touch $0-asked; sleep 60")
    clean = projects.start("--auto")
    wait_for((tools / "rm-asked").exists)
    os.killpg(clean.pid, signal.SIGKILL)
    clean.wait()
    assert projects.projects() == [projects.current]
    assert len(projects.names()) == 2
    os.unlink(tools / "rm")
    plan = projects.plan("--auto")
    assert list(plan) == [projects.current]
    projects.clean("--auto")
    assert projects.names() == [projects.current]


def test_two_cleans_take_turns_and_stop_ends_one_in_the_background(projects):
    sandbox = projects.sandbox
    old = projects.add("old", 400)
    tools = hooked_tool(projects.server, "ls", "touch $0-asked; while [ -e $0 ] && [ ! -e $0-go ]; do sleep 0.05; done")
    background = projects.start("--auto", "--background")
    wait_for((tools / "ls-asked").exists)
    # A second one in the background gives way at once; one by hand ends the first.
    projects.clean("--auto", "--background")
    projects.clean("--auto")
    background.wait(30)
    assert projects.names() == [projects.current]
    shutil.rmtree(tools / "once-ls")
    os.unlink(tools / "ls-asked")
    projects.let_an_hour_pass()
    background = projects.start("--auto", "--background")
    wait_for((tools / "ls-asked").exists)
    assert f"PID {background.pid}" in sandbox.run("clean", "stop").out
    background.wait(30)
    assert "no clean runs" in sandbox.run("clean", "stop").out
    # A PID that was left behind decides nothing.
    for name in ("clean", "clean-background"):
        (sandbox.state / f"locks/{name}.lock").write_text(f"{os.getpid()}\n")
    projects.clean("--auto")
    assert old not in projects.names()
    (tools / "ls-go").touch()


@pytest.mark.parametrize("second", [("--auto",), ("--purge", "--yes")], ids=["sweeps", "takes-all"])
def test_cleans_of_two_machines_do_not_hinder_each_other(projects, second):
    """Each has a state and locks of its own; the server is all that they share."""
    for i in range(5):
        projects.add(f"old{i}", 400)
    # When the first one has made the place for what it takes, the second one sweeps that away.
    tools = hooked_tool(projects.server, "mkdir",
                        '/usr/bin/mkdir "$@"; touch $0-asked; while [ ! -e $0-go ]; do sleep 0.05; done; exit 0')
    first = projects.start("--purge", "--yes")
    wait_for((tools / "mkdir-asked").exists)
    assert len(projects.names()) == 7
    projects.sandbox.env["XDG_STATE_HOME"] = str(projects.sandbox.directory / "other-state")
    projects.clean(*second)
    assert len(projects.names()) == (6 if second == ("--auto",) else 0)
    (tools / "mkdir-go").touch()
    assert first.wait(30) == 0, first.log()
    assert projects.names() == []


def test_a_clean_by_hand_waits_for_another_one(projects):
    tools = hooked_tool(projects.server, "ls", "touch $0-asked; while [ -e $0 ] && [ ! -e $0-go ]; do sleep 0.05; done")
    first = projects.start("--auto")
    wait_for((tools / "ls-asked").exists)
    second = projects.start()
    assert projects.names() == [projects.current]
    (tools / "ls-go").touch()
    assert first.wait(30) == 0 and second.wait(30) == 0, first.log() + second.log()
    assert projects.names() == []


def test_runs_clean_in_the_background_unless_switched_off(projects):
    sandbox = projects.sandbox
    old = projects.add("old", 400)
    sandbox.run("push", "-f", sandbox.job_file, "copy")
    assert projects.state("SELECT count(*) FROM clean_run") == [(0,)]
    assert old in projects.names()
    on = {"SYNCLINE_CLEAN_AUTO": "true"}
    projects.write_jobs({"auto": False})
    sandbox.run("push", "-f", sandbox.job_file, "copy", env=on)
    projects.write_jobs(host="password = true")
    sandbox.run("push", "-f", sandbox.job_file, "copy", env=on)
    projects.write_jobs()
    sandbox.run("push", "-f", sandbox.job_file, "copy", env=on)
    wait_for(lambda: old not in projects.names())
    wait_for(lambda: projects.state("SELECT removed FROM clean_run") == [(1,)])
    for command in (["pull", "copy", "-f"], ["run", "copy", "-f"], ["apply", "--once", "-f"]):
        old = projects.add("old", 400)
        # The one before may still be about to end.
        wait_for(lambda: "no clean runs" in sandbox.run("clean", "stop").out)
        last = projects.state("SELECT at FROM clean_run")
        command += [sandbox.job_file, "--", "true"] if command[0] == "run" else [sandbox.job_file]
        # Within the hour none is started, and one that was started all the same does nothing.
        sandbox.run(*command, env=on)
        projects.clean("--auto", "--background")
        assert old in projects.names() and projects.state("SELECT at FROM clean_run") == last
        projects.let_an_hour_pass()
        sandbox.run(*command, env=on)
        wait_for(lambda: old not in projects.names())
    wait_for(lambda: "no clean runs" in sandbox.run("clean", "stop").out)


def test_the_engine_cleans_after_a_run_once_an_hour(projects):
    sandbox = projects.sandbox
    old = projects.add("old", 400)
    projects.write_jobs(host='quota_source = { command = "echo 90%" }', head='\n[status]\nlisten = "127.0.0.1:0"\n')
    sandbox.job_file.write_text(sandbox.job_file.read_text().replace("fsync = false", 'interval = "1s"'))
    sandbox.env["SYNCLINE_CLEAN_AUTO"] = "true"
    engine = sandbox.start("apply", sandbox.job_file)
    wait_for(lambda: old not in projects.names())
    wait_for(lambda: "1 removed" in engine.log())
    # The status tells of it, without another run.
    (told,) = json.loads(sandbox.run("status", "--json").out)["cleans"]
    assert (told["host"], told["removed"], told["kept"], told["error"]) == ("cse", 1, 1, None)
    assert told["bytes_freed"] >= 1000 and "90 %" in told["quota_before"] and "90 %" in told["quota_after"]
    assert json.loads(sandbox.run("status", "copy", "--json").out)["cleans"] == [told]
    line = sandbox.run("status").out.splitlines()[-1]
    assert line.startswith("last clean of cse ") and "1 removed, 1 kept, " in line and "quota 90 % -> 90 %" in line
    with Browser(sandbox.directory) as browser:
        browser.open(re.search(r"the status is on (http://\S+/)\n", engine.log())[1])
        shown = browser.wait_for("document.querySelector('#cleans li')?.textContent")
        assert shown.startswith("cse cleaned ") and "1 removed, 1 kept, " in shown and not browser.complaints
    old = projects.add("old", 400)
    runs = projects.state("SELECT count(*) FROM run")[0][0]
    wait_for(lambda: projects.state("SELECT count(*) FROM run")[0][0] >= runs + 2)
    assert old in projects.names()
    projects.let_an_hour_pass()
    wait_for(lambda: old not in projects.names())
    os.kill(engine.pid, signal.SIGTERM)
    assert engine.wait(30) == 0, engine.log()


def counted_tools(server, *names):
    """Tools of the server that note each call of theirs in the file that is returned."""
    for name in names:
        tools = stand_in(server, name, f'echo {name} >>"${{0%/*}}/calls"; exec /usr/bin/{name} "$@"')
    calls = tools / "calls"
    calls.touch()
    calls.chmod(0o666)
    return calls


class CountingProxy(CuttingProxy):
    """Counts round trips: changes of direction from up to down."""

    turns, last = 0, "down"

    def count(self, direction, size):
        if direction != self.last and direction == "up":
            self.turns += 1
        self.last = direction
        return super().count(direction, size)


def test_a_thousand_directories_are_planned_in_five_round_trips_and_removed_in_one_pass(projects, request):
    server, sandbox = projects.server, projects.sandbox
    proxy = CountingProxy(server.port)
    request.addfinalizer(proxy.stop)
    config = sandbox.home / ".ssh/config"
    config.write_text(config.read_text().replace(f"Port {server.port}", f"Port {proxy.port}"))
    server.known_hosts.write_text(server.known_hosts.read_text().replace(f":{server.port} ", f":{proxy.port} "))

    calls_file = counted_tools(server, "rm", "mkdir", "xargs")

    def counted(*args):
        proxy.turns = 0
        calls_file.write_text("")
        result = projects.clean("--auto", "--json", *args).json()
        return result["removed"], proxy.turns, sorted(calls_file.read_text().split())

    _, connecting, _ = counted("--dry-run")
    projects.add("one", 400)
    removed, _, calls_for_one = counted()
    assert (removed, calls_for_one) == (1, ["mkdir", "rm", "rm", "xargs", "xargs"])  # the first rm is asked what it knows
    template = projects.root / projects.add("many", 400)
    for i in range(999):
        shutil.copytree(template, projects.root / f"many{i}-12345678-{projects.client}", copy_function=shutil.copy2)
    server.own(projects.root)
    removed, whole, calls = counted()
    assert removed == 1000 and projects.names() == [projects.current]
    # One look, one putting aside, one removal, as for one directory.
    assert calls == calls_for_one
    # Plan and removal together, beside what a connection and a first look cost; what is larger than a packet turns
    # now and then.
    assert whole - connecting <= 5, (connecting, whole)
