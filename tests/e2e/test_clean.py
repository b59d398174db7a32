"""Remote project directories end by policy, and never by mistake: on a real sshd, with real directories."""
import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from harness import wait_for
from tcp_proxy import HOST, CuttingProxy
from ssh_server import STUDENT

DAY = 86400
OTHER_CLIENT = "0badcafe"


class Projects:
    """The directories under remote_root on the server, and a client that is known by its first push."""

    def __init__(self, sandbox, server):
        self.sandbox, self.server = sandbox, server
        self.root = server.home / ".cache/syncline/projects"
        (sandbox.source / "file").write_text("content")
        self.write_jobs()
        sandbox.run("push", "-f", sandbox.job_file, "copy")
        self.current = self.names()[0]
        self.client = self.current.rsplit("-", 1)[1]

    def write_jobs(self, clean=None, host="", extra=()):
        keys = {"root": self.sandbox.source, "remote": "cse:", "fsync": False}
        if clean is not None:
            keys["clean"] = clean
        self.sandbox.jobs(("copy", keys), *extra, head=f"\n[hosts.cse]\n{host}\n")

    def names(self):
        return sorted(os.listdir(self.root))

    def projects(self):
        return [name for name in self.names() if not name.startswith(".syncline-removed-")]

    def add(self, name, age_days, client=None, files=1, project="12345678"):
        """A directory of this client's whose entries are all so old; its name."""
        path = self.root / f"{name}-{project}-{client or self.client}"
        (path / "sub").mkdir(parents=True)
        for i in range(files):
            (path / f"sub/file{i}").write_text("x" * 1000)
        self.server.own(path)
        self.age(path, age_days)
        return path.name

    def age(self, path, days):
        then = time.time() - days * DAY
        for directory, directories, files in os.walk(path):
            for entry in directories + files:
                os.utime(os.path.join(directory, entry), (then, then), follow_symlinks=False)
        os.utime(path, (then, then))

    def clean(self, *args, **options):
        return self.sandbox.run("clean", "-f", self.sandbox.job_file, *args, cwd=self.sandbox.source, **options)

    def start(self, *args):
        return self.sandbox.start("clean", "-f", self.sandbox.job_file, *args, cwd=self.sandbox.source)

    def plan(self, *args):
        """{name: (action, reason)} of a dry run."""
        event = self.clean(*args, "--dry-run", "--json").json()
        return {each["name"]: (each["action"], each["reason"]) for each in event["directories"]}

    def state(self, sql):
        import sqlite3
        with sqlite3.connect(self.sandbox.state / "state.db") as database:
            return database.execute(sql).fetchall()

    def let_an_hour_pass(self):
        """Since the last clean."""
        self.state("UPDATE clean_run SET at = at - 3601 * 1000000000")

    def put_back_uses(self, days):
        self.state(f"UPDATE remote_directory SET last_used_at = last_used_at - {days} * 86400000000000")


@pytest.fixture
def projects(sandbox, server):
    return Projects(sandbox, server)


def quota_stand_in(server, text, status=0):
    """A `quota` on the PATH of the account's shells. OpenSSH sets PATH itself, so the server's configuration says it."""
    tools = server.directory / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "quota").write_text("#!/bin/sh\ncat <<'END'\n" + text + f"END\nexit {status}\n")
    (tools / "quota").chmod(0o755)
    config = server.directory / "sshd_config"
    if "SetEnv" not in config.read_text():
        config.write_text(f"SetEnv PATH={tools}:/usr/bin:/bin\n" + config.read_text())


HEADER = "Disk quotas for user student (uid 12345): \n     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace\n"


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


@pytest.mark.parametrize("text, used", [
    (HEADER + "      /dev/sda1  850000  1000000 1100000            1234       0       0        \n", 85),
    (HEADER + "/dev/mapper/a-very-long-volume-group-name-of-it\n                 850000  1000000 1100000            1234       0       0        \n", 85),
    (HEADER + "      /dev/sda1  950000*  900000 1000000   6days    1234       0       0        \n", 105),
    (HEADER + "      /dev/sda1  850000  1000000 1100000       0    1234       0       0       0\n", 85),
    (HEADER + "      /dev/sda1  10  1000000 1100000            960   1000    1200        \n", 96),
    (HEADER + "      /dev/sda1  10  1000000 1100000            1   0    0\n  nfs:/home  990000 0 1000000  1 0 0\n", 99),
    ("Disk quotas for user student (uid 12345): none\n", None),
    ("quota: Cannot open quotafile /aquota.user\n", "unknown"),
    (HEADER + "      /dev/sda1  lots  and lots  of  bytes 1 2 3\n", "unknown"),
], ids=["plain", "wrapped", "over", "raw-grace", "files", "several", "none", "error", "garbage"])
def test_quota_shortens_the_age_that_is_allowed(projects, text, used):
    quota_stand_in(projects.server, text, 1 if used == 105 else 0)
    week = projects.add("week", 8)
    projects.write_jobs(host='clean = { max_age = "30d", quota_thresholds = { 85 = "7d", 100 = "3d" } }')
    event = projects.clean("--auto", "--dry-run", "--json").json()
    quota = event["quota_before"]
    goes = isinstance(used, int)
    assert quota["per_cent"] == (used if goes else None)
    assert quota["state"] == ("known" if goes else "none" if used is None else "unknown")
    (directory,) = (each for each in event["directories"] if each["name"] == week)
    assert directory["action"] == ("remove" if goes else "keep")
    if goes:
        assert directory["limit_s"] == (3 if used > 100 else 7) * DAY
        assert f"at {used} %" in directory["detail"]


def test_other_sources_of_the_quota_must_be_switched_on(projects):
    quota_stand_in(projects.server, "")
    event = projects.clean("--auto", "--dry-run", "--json").json()
    assert event["quota_before"]["state"] == "unknown"
    projects.write_jobs(host='quota_source = "filesystem"')
    event = projects.clean("--auto", "--dry-run", "--json").json()
    space = os.statvfs(projects.root)
    used = 100 * (space.f_blocks - space.f_bfree) // (space.f_blocks - space.f_bfree + space.f_bavail)
    assert abs(event["quota_before"]["per_cent"] - used) <= 1
    projects.write_jobs(host='quota_source = { command = "echo 91%" }')
    assert projects.clean("--auto", "--dry-run", "--json").json()["quota_before"]["per_cent"] == 91


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


def hooked_tool(server, name, script):
    """Runs `script` before the server's own tool does its work, once."""
    tools = server.directory / "tools"
    tools.mkdir(exist_ok=True)
    tools.chmod(0o777)
    (tools / name).write_text(f"#!/bin/sh\nif /bin/mkdir {tools}/once-{name} 2>/dev/null; then\n{script}\nfi\nexec /usr/bin/{name} \"$@\"\n")
    (tools / name).chmod(0o755)
    config = server.directory / "sshd_config"
    if "SetEnv" not in config.read_text():
        config.write_text(f"SetEnv PATH={tools}:/usr/bin:/bin\n" + config.read_text())
    return tools


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
    projects.write_jobs()
    sandbox.job_file.write_text(sandbox.job_file.read_text().replace("fsync = false", 'interval = "1s"'))
    sandbox.env["SYNCLINE_CLEAN_AUTO"] = "true"
    engine = sandbox.start("apply", sandbox.job_file)
    wait_for(lambda: old not in projects.names())
    wait_for(lambda: "1 removed" in engine.log())
    old = projects.add("old", 400)
    runs = projects.state("SELECT count(*) FROM run")[0][0]
    wait_for(lambda: projects.state("SELECT count(*) FROM run")[0][0] >= runs + 2)
    assert old in projects.names()
    projects.let_an_hour_pass()
    wait_for(lambda: old not in projects.names())
    os.kill(engine.pid, signal.SIGTERM)
    assert engine.wait(30) == 0, engine.log()


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

    def turns(*args):
        proxy.turns = 0
        return projects.clean(*args), proxy.turns

    _, few = turns("--auto", "--dry-run")
    template = projects.root / projects.add("many", 400)
    for i in range(1000):
        shutil.copytree(template, projects.root / f"many{i}-12345678-{projects.client}", copy_function=shutil.copy2)
    server.own(projects.root)
    result, many = turns("--auto", "--dry-run", "--json")
    assert result.json()["removed"] == 1001
    # What a connection costs beside the plan is in both; a listing larger than one packet turns now and then.
    assert many - few <= 5, (few, many)
    result, passes = turns("--auto", "--json")
    assert result.json()["removed"] == 1001 and projects.names() == [projects.current]
    assert passes - few <= 60, (few, passes)


def test_directories_that_forbid_writing_go_too(projects):
    old = projects.add("old", 400)
    (projects.root / old / "sub").chmod(0o555)
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


def quota_trouble(directory):
    """Why there can be no file system with quotas here; "" when there is one."""
    for program in ("mkfs.ext4", "setquota", "quota"):
        if not shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin"):
            return f"{program} is not installed"
    image = directory / "quota.img"
    with open(image, "wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-O", "quota", "-E", "quotatype=usrquota", image], check=True)
    mounted = subprocess.run(["mount", "-o", "loop,usrquota", image, directory / "disk"], capture_output=True, text=True)
    return mounted.stderr.strip()


def test_real_quotas_of_a_real_file_system(sandbox, start_server):
    disk = sandbox.directory / "disk"
    disk.mkdir()
    if why := quota_trouble(sandbox.directory):
        pytest.skip(f"no loop-mounted ext4 with quotas: {why}")
    try:
        subprocess.run(["setquota", "-u", str(STUDENT), "10000", "12000", "0", "0", disk], check=True)
        (disk / "projects").mkdir()
        os.chown(disk / "projects", STUDENT, STUDENT)
        server = start_server()
        projects = Projects.__new__(Projects)
        projects.sandbox, projects.server, projects.root = sandbox, server, disk / "projects"
        (sandbox.source / "file").write_text("content")
        projects.write_jobs(host=f'remote_root = "{projects.root}"\nclean = {{ quota_thresholds = {{ 80 = "7d" }} }}')
        sandbox.run("push", "-f", sandbox.job_file, "copy")
        projects.current = projects.names()[0]
        projects.client = projects.current.rsplit("-", 1)[1]
        old = projects.add("old", 8)
        (disk / "projects" / old / "large").write_bytes(b"x" * (9 << 20))
        server.own(disk / "projects")
        projects.age(disk / "projects" / old, 8)
        event = json.loads(projects.clean("--auto", "--json").out)
        assert event["quota_before"]["per_cent"] >= 90 and event["removed"] == 1
        assert event["quota_after"]["per_cent"] < 10 and event["bytes_freed"] >= 9 << 20
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


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
