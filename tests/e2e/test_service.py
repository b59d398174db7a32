"""Under a service manager: what it is told, and the unit that is installed for it."""
import os
import pathlib
import shutil
import socket
import subprocess

import pytest

from harness import make_tree

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SYNCLINE_BINARY", ROOT / "build/src/cli/syncline")).resolve().parents[2]


@pytest.mark.quick
def test_the_service_manager_is_told(sandbox):
    """What systemd would hear of a unit of Type=notify with a watchdog."""
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(interval="1h")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(20)
        path = str(sandbox.directory / "notify")
        manager.bind(path)
        sandbox.env |= {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"}
        process = sandbox.start("apply")
        heard = []
        while heard.count(b"WATCHDOG=1") < 3:
            heard.append(manager.recv(1000))
        assert any(message.startswith(b"READY=1\n") for message in heard)
        process.terminate()
        while b"STOPPING=1" not in heard:
            heard.append(manager.recv(1000))
        assert process.wait(10) == 0, process.log()


def installed_unit(directory):
    """The unit as `meson install` leaves it, with the program beside it."""
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--skip-subprojects", "--destdir", directory], check=True,
                   stdout=subprocess.DEVNULL)
    [unit] = directory.glob("**/systemd/user/syncline.service")
    text = unit.read_text()
    program = next(line for line in text.splitlines() if line.startswith("ExecStart=")).split("=")[1].split()[0]
    there = directory / program.lstrip("/")
    assert os.access(there, os.X_OK), "the unit starts what is not installed"
    unit.write_text(text.replace(program, str(there)))
    return unit


@pytest.mark.skipif(not (BUILD / "meson-private").is_dir(), reason="the program is in no build directory")
def test_the_installed_unit_is_one_that_systemd_reads(sandbox):
    unit = installed_unit(sandbox.directory / "installed")
    text = unit.read_text()
    assert "\nType=notify\n" in text and "\nWatchdogSec=" in text and "@" not in text
    if not shutil.which("systemd-analyze"):
        pytest.skip("needs systemd-analyze for the rest")
    # Not whether `man` has the pages: they are installed elsewhere here.
    done = subprocess.run(["systemd-analyze", "--user", "--man=no", "verify", unit], env=sandbox.env, text=True,
                          capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
