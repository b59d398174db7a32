"""Compares syncline with rsync and with a plain loop, in turns, and prints a table of medians and ratios.

Called by `./dev bench`. Everything happens in one directory that is removed at the end (see --data and --keep).
"""
import argparse
import collections
import http.client
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import data
import plot
from bucket_rows import BUCKET_ROWS, BucketRows
from ssh_rows import SSH_ROWS, SshRows
from table import Row, print_table
from watch_rows import WATCH_ROWS, WatchRows

ROUNDS = 7
# What one command took.
Usage = collections.namedtuple("Usage", "seconds peak_mib cpu_s")


class Bench:
    def __init__(self, options, directory):
        self.build = pathlib.Path(options.build).resolve()
        self.binary = self.build / "src/cli/syncline"
        self.directory, self.rounds, self.scale = directory, options.rounds, 0.05 if options.quick else 1.0
        self.env = {**os.environ, "HOME": str(directory), "XDG_STATE_HOME": str(directory / "state"),
                    "XDG_RUNTIME_DIR": str(directory / "runtime"), "XDG_CONFIG_HOME": str(directory / "config")}
        for name in ("state", "runtime"):
            (directory / name).mkdir(exist_ok=True, mode=0o700)

    def scaled(self, count):
        return max(1, int(count * self.scale))

    # Data

    def tree(self, name, make, *arguments):
        """The data set `name`, made when it is not there yet, and read once so that it is in the cache."""
        base = self.directory / name
        if not base.exists():
            print(f"making {name}", file=sys.stderr)
            unfinished = self.directory / f"{name}.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            make(unfinished, *arguments)
            unfinished.rename(base)
        subprocess.run(["tar", "-cf", "/dev/null", "-C", base, "."], check=True)
        return base

    def copies(self):
        """The tree of the first copies."""
        return self.tree("files-20k", data.make_files, self.scaled(20_000), self.scaled(300), 4096)

    def many(self):
        """The tree of the runs in which nothing changed."""
        return self.tree("files-100k", data.make_files, self.scaled(100_000), self.scaled(1261), 1500)

    # Running

    def remove(self, *names):
        for name in names:
            subprocess.run(["rm", "-rf", "--", self.directory / name], check=True)
        os.sync()

    def job(self, source, target, **keys):
        """Writes the job file; returns its path."""
        path = self.directory / "jobs.toml"
        lines = [f'{key} = {value}' for key, value in keys.items()]
        path.write_text("version = 1\n[jobs.bench]\n" + f'root = "{source}"\nremote = "{target}"\n' +
                        "ignore_files = []\npermissions = \"preserve\"\n" + "\n".join(lines) + "\n")
        return path

    def timed(self, *command, accepted=(0,)):
        """What it took; the peak is that of resident memory, and the processor's time that of its children too."""
        began = time.perf_counter()
        process = subprocess.Popen([str(word) for word in command], env=self.env, cwd=self.directory,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in accepted:
            sys.exit(f"bench: exit status {process.returncode} from: {' '.join(map(str, command))}")
        return Usage(time.perf_counter() - began, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime)

    def in_turns(self, *contenders, rounds=None):
        """Runs each in each round, the order turning round, and returns what each gave. The first round is a warm-up."""
        results = [[] for _ in contenders]
        for turn in range((rounds or self.rounds) + 1):
            order = list(range(len(contenders)))
            for i in order if turn % 2 == 0 else reversed(order):
                result = contenders[i]()
                if turn:
                    results[i].append(result)
        return results

    def check_room(self, disk, memory):
        """Ends the bench where it would fill the machine: so many bytes where it works, and of memory elsewhere."""
        if os.stat(self.directory).st_dev == os.stat("/dev/shm").st_dev:
            memory += disk
        free = shutil.disk_usage(self.directory).free
        if free < disk:
            sys.exit(f"bench: {disk >> 20} MiB are needed in {self.directory}, {free >> 20} MiB are free; see --data")
        available = re.search(r"MemAvailable: *(\d+) kB", pathlib.Path("/proc/meminfo").read_text())
        if available and int(available[1]) << 10 < memory:
            sys.exit(f"bench: {memory >> 20} MiB of memory are needed, {int(available[1]) >> 10} MiB are available")

    def pause(self):
        """Until what was just written is no more taken for what may still change."""
        time.sleep(1)

    def check_equal(self, source, target, modes=True):
        options = "-anci" if modes else "-rlnci"
        differs = subprocess.run(["rsync", options, "--delete", f"{source}/", f"{target}/"], check=True, capture_output=True).stdout
        changed = [line for line in differs.splitlines() if line[:1] in b"<>*c" or line[:4] == b"*del"]
        if changed:
            sys.exit(f"bench: {target} is no copy of {source}: {changed[:3]}")

    # Rows

    def first_copy(self, source, *, fsync, peer_options="-a"):
        def ours():
            self.remove("target", "state")
            (self.directory / "state").mkdir(mode=0o700)
            path = self.job(source, self.directory / "target", fsync=str(fsync).lower())
            return self.timed(self.binary, "apply", "--once", path)[0]

        def rsync():
            self.remove("target-rsync")
            return self.timed("rsync", peer_options, f"{source}/", f"{self.directory}/target-rsync/")[0]

        result = self.in_turns(ours, rsync)
        self.check_equal(source, self.directory / "target")
        return result

    def row_copy(self):
        ours, peer = self.first_copy(self.copies(), fsync=False)
        return Row(f"first copy, {self.scaled(20_000):,} files of 4 KiB", "s", ours, 0.9, peer, "rsync -a")

    def row_copy_fsync(self):
        ours, peer = self.first_copy(self.copies(), fsync=True)
        return Row("the same with fsync", "s", ours, 1.5, peer, "rsync -a")

    def row_big(self):
        source = self.tree("big", data.make_big_file, self.scaled(1024) << 20)
        ours, peer = self.first_copy(source, fsync=False, peer_options="-aW")
        return Row(f"one file of {self.scaled(1024):,} MiB", "s", ours, 1.6, peer, "rsync -aW")

    def second_run(self, ours_command, peer_options):
        source = self.many()
        path = self.job(source, self.directory / "target", fsync="false")
        self.remove("target", "state")
        (self.directory / "state").mkdir(mode=0o700)
        subprocess.run(["rsync", "-a", f"{source}/", f"{self.directory}/target-rsync/"], check=True)
        # Twice: what was just written is racy, and is read again by the next run.
        for _ in range(2):
            self.timed(self.binary, "apply", "--once", path)
            time.sleep(1)

        def ours():
            return self.timed(self.binary, *ours_command, "-f", path)[0]

        def rsync():
            return self.timed("rsync", peer_options, f"{source}/", f"{self.directory}/target-rsync/")[0]

        return self.in_turns(ours, rsync)

    def row_unchanged(self):
        ours, peer = self.second_run(["apply", "--once"], "-a")
        return Row(f"nothing changed, {self.scaled(100_000):,} files", "s", ours, 0.6, peer, "rsync -a")

    def row_checksum(self):
        ours, peer = self.second_run(["push", "bench", "--checksum"], "-ac")
        return Row("the same, all re-hashed on both sides", "s", ours, 1.0, peer, "rsync -ac")

    def row_hash(self):
        base = self.many()
        listing = self.directory / "listing"
        with open(listing, "w", encoding="utf-8") as out:
            subprocess.run("find . -type f -printf '%P\\n' | sort", shell=True, cwd=base, check=True, stdout=out)
        digests = set()

        def hashed_by(program):
            def run():
                with open(listing, "rb") as paths:
                    done = subprocess.run([self.build / "bench" / program, base], stdin=paths, check=True, capture_output=True, text=True)
                seconds, _, digest = done.stdout.split()[:3]
                digests.add(digest)
                return float(seconds)

            return run

        ours, peer = self.in_turns(hashed_by("hash_syncline"), hashed_by("hash_plain"))
        if len(digests) != 1:
            sys.exit("bench: the two hashing programs disagree")
        return Row(f"hashing {self.scaled(100_000):,} files, two workers", "s", ours, 0.65, peer, "one plain loop")

    def row_memory(self):
        source = self.tree("files-1m", data.make_files, self.scaled(1_000_000), self.scaled(12_000), 16)
        self.remove("target", "state")
        (self.directory / "state").mkdir(mode=0o700)
        path = self.job(source, self.directory / "target", fsync="false")
        self.timed(self.binary, "apply", "--once", path)
        peaks = [self.timed(self.binary, "apply", "--once", path)[1] for _ in range(2)]
        return Row(f"peak memory, nothing changed, {self.scaled(1_000_000):,} files", "MiB", [max(peaks)], 400)

    def rows_idle(self):
        """Memory and processor time of an engine with 100 jobs that have nothing to do for an hour."""
        text = "version = 1\n"
        for i in range(100):
            source = self.directory / f"idle/source-{i}"
            source.mkdir(parents=True, exist_ok=True)
            (source / "file").write_text("x")
            text += f'[jobs.j{i}]\nroot = "{source}"\nremote = "{self.directory}/idle/target-{i}"\nfsync = false\nignore_files = []\ninterval = "1h"\n'
        path = self.directory / "idle.toml"
        path.write_text(text)
        engine = subprocess.Popen([self.binary, "apply", path], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 60
            while len(list((self.directory / "idle").glob("target-*/file"))) < 100:
                if time.monotonic() > deadline or engine.poll() is not None:
                    sys.exit("bench: the 100 jobs did not all run")
                time.sleep(0.1)
            time.sleep(2)
            before, span = cpu_seconds(engine.pid), 30
            time.sleep(span)
            share = (cpu_seconds(engine.pid) - before) / span * 100
            resident = int(pathlib.Path(f"/proc/{engine.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20
        finally:
            engine.terminate()
            engine.wait()
        return [Row("100 idle jobs, memory", "MiB", [resident], 40), Row("100 idle jobs, of one core", "%", [share], 0.2)]

    def row_status(self):
        """How long /status.json takes while files are copied, asked again and again by one client: the slowest hundredth."""
        source = self.copies()
        waits = []
        while len(waits) < self.scaled(2000):
            self.remove("target", "state")
            (self.directory / "state").mkdir(mode=0o700)
            path = self.job(source, self.directory / "target", fsync="true")
            path.write_text(path.read_text() + '[status]\nlisten = "127.0.0.1:0"\n')
            waits += self.waits_for_status(path)
        return Row(f"/status.json while {self.scaled(20_000):,} files transfer, 99th percentile", "ms",
                   [statistics.quantiles(waits, n=100)[98] * 1000], 20)

    def waits_for_status(self, path):
        """Seconds of each answer that came while the run was under way."""
        waits, log = [], self.directory / "status-log"
        with open(log, "wb") as out:
            engine = subprocess.Popen([self.binary, "apply", path], env=self.env, stdin=subprocess.DEVNULL, stdout=out)
        try:
            deadline = time.monotonic() + 60
            while not (found := re.search(r"http://(\S+)/", log.read_text())):
                if time.monotonic() > deadline or engine.poll() is not None:
                    sys.exit("bench: the engine does not say where its status is")
                time.sleep(0.01)
            while True:
                began = time.perf_counter()
                connection = http.client.HTTPConnection(found[1], timeout=60)
                connection.request("GET", "/status.json")
                job = json.loads(connection.getresponse().read())["jobs"][0]
                took = time.perf_counter() - began
                connection.close()
                if job["last_attempt"]:
                    return waits
                waits.append(took)
                time.sleep(0.002)
        finally:
            engine.terminate()
            engine.wait()


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


ROWS = {
    "copy": lambda bench: [bench.row_copy()],
    "copy-fsync": lambda bench: [bench.row_copy_fsync()],
    "unchanged": lambda bench: [bench.row_unchanged()],
    "checksum": lambda bench: [bench.row_checksum()],
    "hash": lambda bench: [bench.row_hash()],
    "big": lambda bench: [bench.row_big()],
    "memory": lambda bench: [bench.row_memory()],
    "idle": lambda bench: bench.rows_idle(),
    "status": lambda bench: [bench.row_status()],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build", help="build directory (default: build)")
    parser.add_argument("--only", action="append", choices=[*ROWS, *SSH_ROWS, *WATCH_ROWS, *BUCKET_ROWS], help="only this row (may be given again)")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the data and 3 rounds: to try the bench itself")
    parser.add_argument("--rounds", type=int, help=f"measured rounds (default {ROUNDS})")
    parser.add_argument("--data", type=pathlib.Path, help="where to work (default: a temporary directory in the build directory)")
    parser.add_argument("--plot", action="store_true", help="draw bench/ratios-*.svg; with --only, after those rows were run and kept in "
                        "bench/results.json, else of what is kept there")
    parser.add_argument("--keep", action="store_true", help="leave the data there for the next time")
    options = parser.parse_args()
    if options.plot and not options.only:
        return plot.main()
    if options.plot and options.quick:
        parser.error("--quick is no measurement to plot")
    options.rounds = options.rounds or (3 if options.quick else ROUNDS)
    directory = options.data or pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=options.build))
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    rows, servers = [], {}
    try:
        bench = Bench(options, directory)

        def over(kind):
            if kind not in servers:
                servers[kind] = kind(bench)
            return servers[kind]

        for name in options.only or [*ROWS, *SSH_ROWS, *WATCH_ROWS, *BUCKET_ROWS]:
            if name in SSH_ROWS:
                made = SSH_ROWS[name](over(SshRows))
            elif name in BUCKET_ROWS:
                made = BUCKET_ROWS[name](over(BucketRows))
            elif name in WATCH_ROWS:
                made = WATCH_ROWS[name](WatchRows(bench, lambda: over(SshRows)))
            else:
                made = ROWS[name](bench)
            rows += made
            for row in made:
                print("  ".join(cell for cell in row.cells() if cell), file=sys.stderr)
    finally:
        for server in servers.values():
            server.stop()
        if not options.keep:
            subprocess.run(["rm", "-rf", "--", directory], check=False)
        if rows:
            print_table(rows)
    if options.plot:
        plot.store(rows, time.strftime("%Y-%m-%d"))
        plot.main()


if __name__ == "__main__":
    main()
