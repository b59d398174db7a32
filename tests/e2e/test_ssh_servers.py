"""Servers as they are: other login shells, noise, missing tools, no shell, other programs, full disks, ways around."""
import os
import shutil
import subprocess

import pytest

from harness import Link, expected_tree, make_tree, read_tree
from ssh_server import DropbearServer, SshServer

TREE = {"a/b/deep": "deep", "a/file": "content" * 1000, "empty/": None, "link": Link("a/file"), "top": "1",
        "it's a \"name\" $(x)": "1", "new\nline": "2"}
NOISE = {
    "bash": {".bashrc": "echo noise; echo more >&2; alias ls='echo aliased'; cd /tmp; set -u\n", ".profile": "echo login\n"},
    "dash": {".profile": "echo login\n"},
    "tcsh": {".tcshrc": "echo noise; alias cd 'echo aliased'; set noclobber\n", ".login": "echo login\n"},
    "fish": {".config/fish/config.fish": "echo noise; function sh; echo fake; command sh $argv; end\n"},
    "zsh": {".zshenv": "echo noise; setopt NO_NOMATCH GLOB_SUBST\n", ".zshrc": "echo interactive\n"},
}
TOOLS = ["sh", "cat", "chmod", "dd", "df", "dirname", "env", "expr", "head", "id", "ls", "mkdir", "mv", "printf", "pwd",
         "readlink", "rm", "rmdir", "sed", "sleep", "stat", "tar", "tail", "touch", "tr", "true", "awk", "wc", "ln", "cut",
         "sync", "sort", "date", "cp", "od", "test", "[", "xargs", "find", "sha256sum", "perl", "openssl", "shasum", "sum"]


def push_and_pull(sandbox, server):
    """The whole way: push, nothing to do, change, delete, pull back."""
    make_tree(sandbox.source, TREE)
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target"}))
    result = sandbox.run("push", "thesis", "-v")
    assert read_tree(sandbox.target) == read_tree(sandbox.source)
    assert sandbox.plan()["actions"] == []
    make_tree(sandbox.source, {"a/file": "other", "new/x": "1"})
    os.unlink(sandbox.source / "top")
    sandbox.run("push", "thesis")
    assert read_tree(sandbox.target) == read_tree(sandbox.source)
    os.unlink(sandbox.target / "link")
    copy = sandbox.directory / "copy"
    copy.mkdir()
    sandbox.run("pull", "--root", copy, "--remote", "cse:target", "--overwrite", "--adopt")
    assert read_tree(copy) == read_tree(sandbox.target)
    assert not [name for name in os.listdir(server.home) if name not in ("target", ".ssh") and not name.startswith(".")]
    return result


def without_shell(**options):
    return {"lines": ["ForceCommand internal-sftp"], **options}


def test_no_shell(sandbox, start_server):
    push_and_pull(sandbox, start_server(**without_shell()))


def test_no_shell_and_a_directory_of_its_own(sandbox, start_server):
    server = start_server(lines=["ForceCommand internal-sftp -d /tmp"])
    make_tree(sandbox.source, TREE)
    sandbox.run("push", "--root", sandbox.source, "--remote", f"cse:{server.home}/target")
    assert read_tree(sandbox.target) == expected_tree(TREE)


def test_dropbear(sandbox, start_server):
    push_and_pull(sandbox, start_server(DropbearServer))


@pytest.mark.parametrize("shell", NOISE)
def test_login_shells_with_noise(sandbox, start_server, shell):
    server = start_server(shell=shutil.which(shell))
    make_tree(server.home, NOISE[shell])
    server.own(server.home)
    push_and_pull(sandbox, server)


@pytest.mark.parametrize("shell", NOISE)
def test_other_shells_serve_the_usual_way(sandbox, start_server, shell):
    """No noise is a reason to fall back to SFTP."""
    server = start_server(shell=shutil.which(shell), lines=["Subsystem sftp /nonexistent"])
    make_tree(server.home, NOISE[shell])
    make_tree(sandbox.source, {"large": "0123456789" * 3_000_000})
    push_and_pull(sandbox, server)


def tool_directory(sandbox, without=(), busybox=()):
    """A PATH with the usual tools but those."""
    directory = sandbox.directory / "tools"
    directory.mkdir()
    for tool in TOOLS:
        program = shutil.which("busybox") if tool in busybox else shutil.which(tool, path="/usr/bin:/bin")
        if tool not in without and program:
            (directory / tool).symlink_to(program)
    return directory


@pytest.mark.parametrize("lack", [
    {"without": ["sha256sum"]}, {"without": ["sha256sum", "shasum"]}, {"without": ["sha256sum", "shasum", "openssl"]},
    {"without": ["perl"]}, {"without": ["tar"]}, {"without": ["xargs"]}, {"without": ["stat"]},
    {"without": ["find", "stat", "perl", "tar"]},
    {"busybox": ["find", "stat", "xargs", "tar", "sha256sum", "ls", "readlink", "df", "mkdir", "mv", "rm", "sed"]},
    {"busybox": ["find"]}, {"busybox": TOOLS, "without": ["perl"]}], ids=str)
def test_a_path_that_lacks_something(sandbox, start_server, lack):
    tools = tool_directory(sandbox, **lack)
    push_and_pull(sandbox, start_server(lines=[f"SetEnv PATH={tools}"]))


def test_rsa_keys_only(sandbox, start_server):
    push_and_pull(sandbox, start_server(host_key_types=("rsa",)))


def test_one_channel_a_connection(sandbox, start_server):
    push_and_pull(sandbox, start_server(lines=["MaxSessions 1"]))


def test_few_connections_at_a_time(sandbox, start_server):
    push_and_pull(sandbox, start_server(lines=["MaxSessions 2"]))


def test_a_server_that_runs_something_else(sandbox, start_server):
    start_server(lines=["ForceCommand echo This account is closed."])
    make_tree(sandbox.source, TREE)
    result = sandbox.run("push", "--root", sandbox.source, "--remote", "cse:target", check=1)
    assert "This account is closed" in result.err


def test_a_home_that_may_not_be_written(sandbox, start_server):
    server = start_server()
    os.chmod(server.home, 0o555)
    os.chown(server.home, 0, 0)
    make_tree(sandbox.source, TREE)
    result = sandbox.run("push", "--root", sandbox.source, "--remote", "cse:", check=1)
    assert "cannot create the directory" in result.err and "ermission denied" in result.err


@pytest.mark.parametrize("options", [{}, without_shell()], ids=["shell", "sftp"])
def test_a_full_disk(sandbox, start_server, options):
    server = start_server(mounts=[f"mkdir {sandbox.directory}/full",
                                  f"mount -t tmpfs -o size=2m,mode=0777 tmpfs {sandbox.directory}/full"], **options)
    target = f"/proc/{server.world.pid}/root{sandbox.directory}/full/target"
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": f"cse:{sandbox.directory}/full/target"}))
    make_tree(sandbox.source, {"small": "1"})
    sandbox.run("push", "thesis")
    make_tree(sandbox.source, {"small": "2", "large": "x" * 4_000_000})
    result = sandbox.run("push", "thesis", check=1)
    assert "No space left on device" in result.err
    assert not os.path.exists(f"{target}/large")
    assert open(f"{target}/small", encoding="utf-8").read() in ("1", "2")
    os.unlink(sandbox.source / "large")
    sandbox.run("push", "thesis")
    assert read_tree(target) == {"small": b"2"}


@pytest.mark.parametrize("mode", ["shell", "sftp"])
def test_the_umask_of_the_server_does_not_matter(sandbox, start_server, mode):
    lines = ["ForceCommand internal-sftp -u 000"] if mode == "sftp" else []
    server = start_server(lines=lines)
    make_tree(server.home, {".profile": "umask 000\n", ".bashrc": "umask 000\n"})
    make_tree(sandbox.source, {"d/f": "1"})
    sandbox.run("push", "--root", sandbox.source, "--remote", "cse:target")
    for path, mode_bits in {"": 0o700, "d": 0o700, "d/f": 0o600}.items():
        assert os.stat(sandbox.target / path).st_mode & 0o777 == mode_bits


def test_what_start_up_files_say_changes_no_tool(sandbox, start_server):
    server = start_server(shell="/bin/bash")
    lines = {"TAR_OPTIONS": "--transform=s/^/x/ --exclude=*", "POSIXLY_CORRECT": "1", "GREP_OPTIONS": "-v", "BLOCK_SIZE": "1",
             "PERL5OPT": "-Mno::such::module", "PERL_UNICODE": "SDA", "QUOTING_STYLE": "c", "CDPATH": "/usr:/", "LC_ALL": "C.UTF-8",
             "XZ_OPT": "-x", "TIME_STYLE": "full-iso", "foreign": "a b", "v": "1"}
    make_tree(server.home, {".bashrc": "".join(f"export {name}='{value}'\n" for name, value in lines.items())})
    push_and_pull(sandbox, server)


def test_a_start_up_file_that_reads_its_input_is_told_of(sandbox, start_server):
    server = start_server(shell="/bin/bash")
    make_tree(server.home, {".bashrc": "read -r answer\n"})
    make_tree(sandbox.source, {"a": "1"})
    result = sandbox.run("push", "--root", sandbox.source, "--remote", "cse:target", check=1)
    assert "start-up file" in result.err and ".bashrc" in result.err


@pytest.mark.parametrize("transfer", ["auto", "tar"])
def test_what_does_not_fit_does_not_keep_out_what_does(sandbox, start_server, transfer):
    full = sandbox.directory / "full"
    server = start_server(mounts=[f"mkdir {full}", f"mount -t tmpfs -o size=20m,mode=0777 tmpfs {full}"])
    target = f"/proc/{server.world.pid}/root{full}/target"
    small = {f"d{i % 10}/f{i}": f"{i}" for i in range(300)}
    make_tree(sandbox.source, {**small, "d0/large": os.urandom(30_000_000)})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": f"cse:{full}/target", "transfer": transfer}))
    result = sandbox.run("push", "thesis", check=1)
    assert "d0/large" in result.err and "No space left on device" in result.err and "d1/f1" not in result.err
    assert read_tree(target) == expected_tree(small)


@pytest.mark.parametrize("options", [{}, without_shell()], ids=["shell", "sftp"])
def test_holes_stay_holes(sandbox, start_server, options):
    start_server(**options)
    size = 64 << 20
    for name, places in {"middle": [0, size // 2, size - 1], "end": [4096], "nothing": []}.items():
        with open(sandbox.source / name, "wb") as file:
            for place in places:
                os.pwrite(file.fileno(), b"data", place)
            file.truncate(size)
    sandbox.run("push", "--root", sandbox.source, "--remote", "cse:target")
    for name in ("middle", "end", "nothing"):
        there = os.stat(sandbox.target / name)
        assert there.st_size == size and there.st_blocks * 512 < size // 8, name
        assert subprocess.run(["cmp", sandbox.source / name, sandbox.target / name], check=False).returncode == 0


def aside_name(name):
    """What was taken aside from `name`: its mark is FNV-1a."""
    mark = 0xcbf29ce484222325
    for byte in name.encode():
        mark = (mark ^ byte) * 0x100000001b3 % (1 << 64)
    return f".syncline-old-{mark:016x}{'0' * 16}"


def test_what_a_killed_run_took_aside_is_settled(sandbox, server):
    """Ours goes; somebody's goes back, or stays beside what has its name now."""
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target"}))
    make_tree(sandbox.source, {"d/ours": "1", "d/theirs": "1", "d/gone": "1"})
    sandbox.run("push", "thesis")
    os.unlink(sandbox.target / "d/gone")
    make_tree(sandbox.target, {f"d/{aside_name('ours')}": "1", f"d/{aside_name('theirs')}": "somebody's",
                               f"d/{aside_name('gone')}": "somebody's"})
    server.own(sandbox.target)
    result = sandbox.run("push", "thesis", check=4)
    tree = read_tree(sandbox.target)
    kept = [path for path in tree if path.startswith("d/theirs.syncline-kept-")]
    assert len(kept) == 1 and os.path.basename(kept[0]) in result.text
    assert tree == {"d/ours": b"1", "d/theirs": b"1", "d/gone": b"somebody's", kept[0]: b"somebody's"}


# Ways to the server


def test_a_jump_host(sandbox, start_server):
    jump = start_server(name="jump")
    server = start_server(name="inner")
    sandbox.add_ssh_host(server, "cse", ProxyJump="jump")
    make_tree(sandbox.source, TREE)
    sandbox.run("push", "--root", sandbox.source, "--remote", "cse:target")
    assert read_tree(server.home / "target") == expected_tree(TREE)
    assert jump.connections >= 1


def test_a_proxy_command(sandbox, start_server):
    server = start_server(name="inner")
    sandbox.add_ssh_host(server, "cse", HostName="somewhere.invalid", HostKeyAlias=f"[127.0.0.1]:{server.port}",
                         ProxyCommand=f"bash -c 'exec 3<>/dev/tcp/127.0.0.1/{server.port}; cat <&3 & cat >&3; kill %%1'")
    make_tree(sandbox.source, TREE)
    sandbox.run("push", "--root", sandbox.source, "--remote", "cse:target")
    assert read_tree(server.home / "target") == expected_tree(TREE)


def test_a_proxy_command_that_fails_is_named(sandbox, start_server):
    server = start_server(name="inner")
    sandbox.add_ssh_host(server, "cse", ProxyCommand="sh -c 'echo the VPN is down >&2; exit 1'")
    make_tree(sandbox.source, TREE)
    result = sandbox.run("push", "--root", sandbox.source, "--remote", "cse:target", check=1)
    assert "the VPN is down" in result.err


def test_an_agent(sandbox, start_server):
    server = start_server()
    socket = sandbox.directory / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        while not socket.exists():
            assert agent.poll() is None
        env = {"SSH_AUTH_SOCK": str(socket)}
        subprocess.run(["ssh-add", "-q", server.key], check=True, env={**os.environ, **env})
        server.key.unlink()
        make_tree(sandbox.source, TREE)
        sandbox.run("push", "--root", sandbox.source, "--remote", "cse:target", env=env)
        assert read_tree(sandbox.target) == expected_tree(TREE)
    finally:
        agent.terminate()
        agent.wait()


def test_no_ssh_client_here(sandbox, start_server):
    """Without one there is no ssh_config; the job file says all."""
    server = start_server()
    tools = tool_directory(sandbox)
    make_tree(sandbox.source, TREE)
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "box:target"}),
                 head=f'[hosts.box]\nhostname = "127.0.0.1"\nport = {server.port}\nuser = "student"\n'
                      f'identity_file = "{server.key}"\nknown_hosts = "{server.known_hosts}"\n')
    sandbox.run("push", "-f", sandbox.job_file, "thesis", env={"PATH": str(tools)})
    assert read_tree(sandbox.target) == expected_tree(TREE)
