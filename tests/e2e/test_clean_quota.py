"""How full the server's disk is shortens the age that its project directories may have."""
import json
import os
import shutil
import subprocess

import pytest

from projects import DAY, Projects, quota_stand_in, stand_in
from ssh_server import STUDENT

HEADER = "Disk quotas for user student (uid 12345): \n     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace\n"


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


@pytest.mark.parametrize("sftp, state", [("internal-sftp", "known"), ("internal-sftp -P statvfs", "unknown")],
                         ids=["with-statvfs", "without-it"])
def test_sftp_says_what_df_does_not(sandbox, start_server, sftp, state):
    """A server without `df`: the sftp server's own word, where it has one, and else nothing is known."""
    server = start_server(lines=[f"Subsystem sftp {sftp}"])
    projects = Projects(sandbox, server)
    stand_in(server, "df", "exit 1")
    projects.write_jobs(host='quota_source = "filesystem"')
    quota = projects.clean("--auto", "--dry-run", "--json").json()["quota_before"]
    assert quota["state"] == state
    if state == "known":
        space = os.statvfs(projects.root)
        assert abs(quota["per_cent"] - 100 * (space.f_blocks - space.f_bavail) // space.f_blocks) <= 1
    # It is no source that was not asked for.
    projects.write_jobs()
    assert projects.clean("--auto", "--dry-run", "--json").json()["quota_before"]["state"] == "unknown"


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
