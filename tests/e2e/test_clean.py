"""Remote project directories end by policy, and never by mistake: on a real sshd, with real directories."""
import os
import shutil
import signal
import subprocess
import time

import pytest

from harness import wait_for
from projects import DAY, hooked_tool, stand_in
from ssh_server import STUDENT
from tcp_proxy import HOST

OTHER_CLIENT = "0badcafe"


@pytest.mark.quick
def test_a_push_records_the_directory_and_clean_removes_it(projects):
    (row,) = projects.state("SELECT host, user, hostname, port, host_key, path, root, job FROM remote_directory")
    texts = [each.decode() if isinstance(each, bytes) else each for each in row]
    assert texts[:4] == ["cse", "student", HOST, projects.server.port]
    assert texts[4].startswith("SHA256:")
    assert texts[5:] == ["~/.cache/syncline/projects/" + projects.current, str(projects.sandbox.source), "copy"]
    other = projects.add("other", 400)
    assert projects.plan() == {projects.current: ("remove", "asked"), other: ("keep", "not-chosen")}
    result = projects.clean()
    assert "1 removed, 1 kept" in result.out
    assert projects.names() == [other]
    assert projects.state("SELECT count(*) FROM remote_directory") == [(0,)]
    assert "has no directory" in projects.clean().out
    # The next push begins anew.
    projects.sandbox.run("push", "-f", projects.sandbox.job_file, "copy")
    assert projects.current in projects.names()


def test_automatic_cleaning_goes_by_age_and_touches_nothing_else(projects):
    root = projects.root
    old, young = projects.add("old", 31), projects.add("young", 29)
    alive = projects.add("alive", 50)
    (root / alive / "sub/deep").mkdir()
    projects.age(root / alive, 50)
    (root / alive / "sub/deep/new").write_text("new")
    for path in (root / alive / "sub/deep", root / alive / "sub", root / alive):
        os.utime(path, (time.time() - 50 * DAY,) * 2)
    foreign = projects.add("foreign", 400, OTHER_CLIENT)
    future = projects.add("future", 400)
    os.utime(root / future / "sub/file0", (time.time() + 400 * DAY,) * 2)
    strange = ["notes", "thing-1234567-" + projects.client, "x-12345678-" + projects.client.upper() + "9", "-12345678-" + projects.client]
    for name in strange:
        (root / name).mkdir()
        projects.age(root / name, 400)
    outside = projects.server.home / "precious"
    outside.mkdir()
    (outside / "file").write_text("mine")
    link = "link-12345678-" + projects.client
    os.symlink(outside, root / link)
    os.utime(root / link, (time.time() - 400 * DAY,) * 2, follow_symlinks=False)
    hostile = [projects.add(name, 400) for name in ("a b", "-rf", "new\nline", "$(touch oops)", "qu'ote\"", "ünï", "*")]
    plan = projects.plan("--auto")
    assert plan[old] == ("remove", "old")
    assert all(plan[name] == ("remove", "old") for name in hostile)
    assert plan[young] == plan[alive] == plan[future] == ("keep", "young")
    assert plan[projects.current] == ("keep", "young")
    assert plan[foreign] == ("keep", "other-client")
    assert plan[link] == ("keep", "not-a-directory")
    assert all(plan[name] == ("keep", "not-our-layout") for name in strange)
    before = set(projects.names())
    result = projects.clean("--auto")
    assert set(projects.names()) == before - {old, *hostile}, result
    assert (outside / "file").read_text() == "mine" and not (root / "oops").exists()
    # 8 directories of a file and a directory each.
    (freed,) = projects.state("SELECT bytes_freed FROM clean_run WHERE removed = 8")
    assert freed[0] >= 8 * 1000
    assert "last clean" in projects.clean("--auto", "--dry-run").out


def test_the_last_recorded_use_counts_as_well(projects):
    projects.age(projects.root / projects.current, 400)
    assert projects.plan("--auto")[projects.current] == ("keep", "young")
    projects.put_back_uses(29)
    assert projects.plan("--auto")[projects.current] == ("keep", "young")
    projects.put_back_uses(2)
    assert projects.plan("--auto")[projects.current] == ("remove", "old")
    # The job's own table counts, and the floor under it.
    projects.write_jobs({"max_age": "40d"})
    assert projects.plan("--auto")[projects.current] == ("keep", "young")
    projects.write_jobs({"max_age": "1h", "min_age": "40d"})
    assert projects.plan("--auto")[projects.current] == ("keep", "young")
    # Orphans go by the host's table.
    orphan = projects.add("orphan", 3)
    projects.write_jobs({"max_age": "90d"}, 'clean = { max_age = "2d" }')
    assert projects.plan("--auto")[orphan] == ("remove", "old")
    # Nothing is an orphan for a state that knows nothing.
    projects.state("DELETE FROM remote_directory")
    assert projects.plan("--auto")[orphan] == ("keep", "nothing-recorded")


def test_all_takes_what_is_recorded_and_purge_all_that_is_in_the_layout(projects):
    orphan, foreign = projects.add("orphan", 400), projects.add("foreign", 0, OTHER_CLIENT)
    (projects.root / "notes").mkdir()
    # Nobody named the directory that was used just now, so min_age keeps it, unless somebody confirms.
    result = projects.clean("--all", "--dry-run")
    assert "within the last 1 d (min_age; --yes takes it all the same)" in result.out
    projects.clean("--all")
    assert projects.current in projects.names()
    assert {name for name, (action, _) in projects.plan("--all", "--yes").items() if action == "remove"} == {projects.current}
    # --auto is stronger than --purge, and that than --all.
    assert projects.plan("--auto", "--purge", "--all")[foreign] == ("keep", "other-client")
    assert projects.plan("--purge", "--all")[foreign] == ("remove", "asked")
    projects.clean("--all", "--yes")
    assert projects.projects() == sorted([orphan, foreign, "notes"])
    refused = projects.clean("--purge", check=2)
    assert "--yes" in refused.err and len(projects.projects()) == 3
    projects.clean("--purge", "--yes")
    assert projects.names() == ["notes"]


def test_a_clean_of_one_project_tells_of_no_other(projects):
    (projects.root / f"astray-12345678-{projects.client}").symlink_to("/etc")
    result = projects.clean("copy")
    assert "astray" not in result.text and "1 removed" in result.out
    assert projects.names() == [f"astray-12345678-{projects.client}"]


def test_a_directory_in_use_stays(projects):
    sandbox = projects.sandbox
    marker = projects.root / projects.current / "started"
    run = sandbox.start("run", "-f", sandbox.job_file, "copy", "--skip-sync", "--", "sh", "-c", "touch started; exec sleep 60")
    wait_for(marker.exists)
    assert projects.plan() == {projects.current: ("keep", "in-use")}
    refused = projects.clean(check=5)
    assert "in use" in refused.err
    projects.clean("--purge", "--yes")
    assert projects.names() == [projects.current]
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    # The client is gone, and what it started still works there.
    assert projects.plan()[projects.current] in (("keep", "busy"), ("remove", "asked"))


def test_a_process_left_on_the_server_keeps_its_directory(projects):
    old = projects.add("old", 400)
    process = subprocess.Popen(["setpriv", f"--reuid={STUDENT}", f"--regid={STUDENT}", "--clear-groups", "sleep", "600"],
                               cwd=projects.root / old / "sub")
    try:
        wait_for(lambda: os.readlink(f"/proc/{process.pid}/exe").endswith("sleep"))
        assert projects.plan("--auto")[old] == ("keep", "busy")
        projects.clean("--purge", "--yes")
        assert projects.names() == [old]
    finally:
        process.kill()
        process.wait()
    assert projects.plan("--auto")[old] == ("keep", "nothing-recorded")


def test_what_changes_between_plan_and_removal_stays(projects):
    root = projects.root
    used, swapped, linked, gone = (projects.add(name, 400) for name in ("used", "swapped", "linked", "gone"))
    precious = projects.server.home / "precious"
    precious.mkdir()
    (precious / "file").write_text("mine")
    projects.server.own(precious)
    # xargs begins the look; the next one the removal.
    hooked_tool(projects.server, "mkdir", f"""
touch '{root}/{used}/sub/fresh'
mv '{root}/{swapped}' '{root}/aside'; /usr/bin/mkdir '{root}/{swapped}'; touch -d '-400 days' '{root}/{swapped}'
mv '{root}/{linked}' '{root}/linked-aside'; ln -s '{precious}' '{root}/{linked}'
rm -r '{root}/{gone}'""")
    result = projects.clean("--auto", "-v")
    assert (root / used / "sub/fresh").exists(), result
    assert (root / swapped).is_dir() and (root / "aside/sub/file0").exists()
    assert (root / linked).is_symlink() and (precious / "file").read_text() == "mine"
    assert result.out.count("it changed since it was looked at") == 3
    assert not [name for name in projects.names() if name.startswith(".syncline-removed-")]


def test_a_use_that_begins_between_plan_and_removal_counts(projects):
    """A push that comes while the removal waits records its use first, and then keeps its directory."""
    projects.age(projects.root / projects.current, 400)
    projects.put_back_uses(400)
    tools = hooked_tool(projects.server, "ls", "touch $0-asked; while [ -e $0 ] && [ ! -e $0-go ]; do sleep 0.05; done")
    clean = projects.start("--auto")
    wait_for((tools / "ls-asked").exists)
    (projects.sandbox.source / "new").write_text("new")
    projects.sandbox.run("push", "-f", projects.sandbox.job_file, "copy")
    (tools / "ls-go").touch()
    assert clean.wait(30) == 0, clean.log()
    assert (projects.root / projects.current / "new").exists(), clean.log()


@pytest.mark.parametrize("name", ["plain", "a -> b", "new\nline", "x /proc/1/cwd -> y"])
def test_a_busy_directory_of_any_name_stays(projects, name):
    directory = projects.add(name.replace("/", "_"), 400)
    process = subprocess.Popen(["setpriv", f"--reuid={STUDENT}", f"--regid={STUDENT}", "--clear-groups", "sleep", "600"],
                               cwd=projects.root / directory)
    try:
        wait_for(lambda: os.readlink(f"/proc/{process.pid}/exe").endswith("sleep"))
        assert projects.plan("--auto")[directory] == ("keep", "busy")
    finally:
        process.kill()
        process.wait()


def test_what_belongs_to_another_user_stays_in_its_place(projects):
    """Even where the account may rename it, for it could not remove all of it."""
    foreign = projects.add("foreign", 400)
    (projects.root / foreign).chmod(0o777)
    for path in (projects.root / foreign, projects.root / foreign / "sub", projects.root / foreign / "sub/file0"):
        os.chown(path, 54321, 54321)
    projects.clean("--purge", "--yes")
    assert projects.names() == [foreign] and (projects.root / foreign / "sub/file0").exists()


def test_a_remote_root_that_is_a_symlink_is_followed_and_kept(projects):
    elsewhere = projects.server.home / "elsewhere"
    os.rename(projects.root, elsewhere)
    projects.root.symlink_to(elsewhere)
    old = projects.add("old", 400)
    assert projects.plan("--auto")[old] == ("remove", "old")
    projects.clean("--purge", "--yes")
    assert projects.root.is_symlink() and os.listdir(elsewhere) == []


@pytest.mark.parametrize("days", [-365, 365])
def test_a_server_clock_that_is_a_year_off_makes_nothing_old(projects, days):
    """Its `date` disagrees with its files, so the more careful of the two counts."""
    young = projects.add("young", 5)
    projects.put_back_uses(400)
    projects.age(projects.root / projects.current, 5)
    stand_in(projects.server, "date", f"echo {int(time.time()) + days * DAY}")
    assert {action for action, _ in projects.plan("--auto").values()} == {"keep"}
    projects.clean("--auto")
    assert projects.names() == sorted([projects.current, young])


def test_directories_that_forbid_writing_go_too(projects):
    old = projects.add("old", 400)
    (projects.root / old / "sub").chmod(0o555)
    (projects.root / old).chmod(0o555)
    projects.clean("--auto")
    assert projects.names() == [projects.current]


def test_an_account_without_a_shell_is_told_so(sandbox, start_server):
    start_server(lines=["ForceCommand internal-sftp"])
    sandbox.source.joinpath("file").write_text("x")
    sandbox.jobs(("copy", {"root": sandbox.source, "remote": "cse:", "fsync": False}))
    sandbox.run("push", "-f", sandbox.job_file, "copy")
    result = sandbox.run("clean", "copy", check=1)
    assert "needs a shell" in result.err


def test_what_is_not_a_project_is_refused(projects):
    sandbox = projects.sandbox
    sandbox.jobs(("copy", {"root": sandbox.source, "remote": "cse:elsewhere", "fsync": False}))
    assert "not in the default layout" in sandbox.run("clean", "copy", check=2).err
    sandbox.job()
    assert "only directories on servers" in sandbox.run("clean", "copy", check=2).err
    assert "goes to a server" in sandbox.run("clean", "--all", check=2).err


BUSYBOX = ["sh", "cat", "chmod", "date", "dd", "df", "du", "env", "find", "grep", "head", "ls", "mkdir", "mv", "printf", "rm", "rmdir",
           "sed", "sort", "stat", "tail", "test", "xargs"]


@pytest.mark.skipif(not shutil.which("busybox"), reason="busybox is not installed")
def test_a_server_with_the_tools_of_busybox(projects):
    tools = projects.server.directory / "busybox"
    tools.mkdir()
    for tool in BUSYBOX:
        (tools / tool).symlink_to(shutil.which("busybox"))
    config = projects.server.directory / "sshd_config"
    config.write_text(f"SetEnv PATH={tools}\n" + config.read_text())
    old, young, alive = projects.add("o\nl'd", 400), projects.add("young", 5), projects.add("alive", 400)
    (projects.root / alive / "sub/file0").write_text("new")
    for path in (projects.root / alive / "sub", projects.root / alive):
        os.utime(path, (time.time() - 400 * DAY,) * 2)
    link = "link-12345678-" + projects.client
    os.symlink(projects.server.home, projects.root / link)
    plan = projects.plan("--auto")
    assert plan[old] == ("remove", "old") and plan[young] == plan[alive] == ("keep", "young")
    assert plan[link] == ("keep", "not-a-directory")
    projects.clean("--auto")
    assert projects.names() == sorted([projects.current, young, alive, link])
