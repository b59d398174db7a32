"""A round of each way that `./dev soak` goes, so that what it checks holds with every change."""
import os
import subprocess
import sys
import pathlib

SOAK = pathlib.Path(__file__).parent / "soak.py"


def test_a_round_of_the_soak(binary, needs_root):
    done = subprocess.run([sys.executable, SOAK, "--rounds", "1", "--seed", "5"], env={**os.environ, "SYNCLINE_BINARY": str(binary)},
                          capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
