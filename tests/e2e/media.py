"""Real file systems of odd kinds for a test, which skips where this machine has none."""
import contextlib
import os
import shutil
import subprocess

import pytest

from harness import make_tree, wait_for


def require(*programs):
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        pytest.skip("mounting needs root and /dev/fuse")


class ExFat:
    """An exFAT volume on a loop device, mounted through FUSE as often as a test likes."""

    def __init__(self, directory, mib=24):
        require("mkfs.exfat", "mount.exfat-fuse", "losetup")
        if not os.path.exists("/dev/loop-control"):
            pytest.skip("there are no loop devices here")
        self.image, self.device = directory / "exfat.img", None
        with open(self.image, "wb") as image:
            image.truncate(mib << 20)
        subprocess.run(["mkfs.exfat", self.image], check=True, stdout=subprocess.DEVNULL)

    def mount(self, point):
        point.mkdir(exist_ok=True)
        found = subprocess.run(["losetup", "--find", "--show", self.image], capture_output=True, text=True, check=False)
        if found.returncode != 0:
            pytest.skip(f"no loop device: {found.stderr}")
        self.device, self.point = found.stdout.strip(), point
        subprocess.run(["mount.exfat-fuse", self.device, point], check=True, stdout=subprocess.DEVNULL)
        wait_for(lambda: os.path.ismount(point))

    def unmount(self):
        if not self.device:
            return
        subprocess.run(["umount", self.point], check=False)
        wait_for(lambda: not os.path.ismount(self.point))
        # The daemon lets go of the device a moment later.
        wait_for(lambda: subprocess.run(["losetup", "--detach", self.device], check=False).returncode == 0)
        self.device = None


@contextlib.contextmanager
def exfat(sandbox):
    volume = ExFat(sandbox.directory)
    try:
        volume.mount(sandbox.target)
        yield volume
    finally:
        volume.unmount()


@contextlib.contextmanager
def bindfs(sandbox, *options, at=None):
    """The target, or `at`, is another directory, seen through FUSE, which exchanges no names."""
    require("bindfs")
    real, place = sandbox.directory / "real", at or sandbox.target
    real.mkdir()
    place.mkdir(exist_ok=True)
    subprocess.run(["bindfs", *options, real, place], check=True)
    wait_for(lambda: os.path.ismount(place))
    try:
        yield real
    finally:
        subprocess.run(["umount", place], check=False)
        wait_for(lambda: not os.path.ismount(place))


@contextlib.contextmanager
def tmpfs(sandbox, size):
    require("mount")
    sandbox.target.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", sandbox.target], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", sandbox.target], check=False)


@contextlib.contextmanager
def overlay(sandbox, lower):
    """The target is an overlay over the tree `lower`, whose directories it cannot rename."""
    require("mount")
    base = sandbox.directory / "overlay"
    base.mkdir()
    sandbox.target.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", base], check=True)
    try:
        for name in ("lower", "upper", "work"):
            (base / name).mkdir()
        make_tree(base / "lower", lower)
        options = f"lowerdir={base}/lower,upperdir={base}/upper,workdir={base}/work"
        mounted = subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, sandbox.target], check=False)
        if mounted.returncode != 0:
            pytest.skip("there is no overlayfs here")
        yield
    finally:
        subprocess.run(["umount", "--quiet", sandbox.target], check=False)
        subprocess.run(["umount", base], check=False)
