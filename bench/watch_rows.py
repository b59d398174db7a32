"""The rows of the watcher: from a file that is saved to its content on the target, against lsyncd on the same tree."""
import os
import pathlib
import shutil
import subprocess
import sys
import time

from table import Row

DEADLINE_S = 60
# Two saves are that far apart, so that each is a change of its own.
BETWEEN_S = 0.3


class WatchRows:
    def __init__(self, bench, ssh_rows):
        self.bench, self.ssh_rows = bench, ssh_rows
        self.saves = 5 if bench.scale < 1 else 40

    # Engines

    def start(self, path):
        """Our engine, watching, once all is on the target and nothing that was just written is in doubt any more."""
        bench = self.bench
        for _ in range(2):
            bench.timed(bench.binary, "apply", "--once", path)
            bench.pause()
        engine = subprocess.Popen([bench.binary, "apply", path], env=bench.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return engine

    def start_lsyncd(self, source, target, delay):
        if shutil.which("lsyncd") is None:
            return None
        config = self.bench.directory / "lsyncd.lua"
        config.write_text(
            f'settings {{ nodaemon = true, logfile = "{self.bench.directory}/lsyncd.log", inotifyMode = "CloseWrite or Modify" }}\n'
            f'sync {{ default.rsync, source = "{source}", target = "{target}", delay = {delay}, rsync = {{ archive = true }} }}\n')
        log = self.bench.directory / "lsyncd.log"
        log.unlink(missing_ok=True)
        engine = subprocess.Popen(["lsyncd", config], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # What changes while it looks at everything for the first time may be lost on it.
        began = time.monotonic()
        while not (log.exists() and "finished" in log.read_text()):
            if time.monotonic() - began > DEADLINE_S:
                sys.exit("bench: lsyncd did not start")
            time.sleep(0.1)
        return engine

    def end(self, engine):
        engine.terminate()
        engine.wait()

    # Measures

    def arrival_s(self, source, target, name, content):
        """Seconds from the end of a save until the target has it."""
        (source / name).write_text(content)
        began = time.perf_counter()
        while time.perf_counter() - began < DEADLINE_S:
            try:
                if (target / name).read_bytes() == content.encode():
                    return time.perf_counter() - began
            except FileNotFoundError:
                pass
            time.sleep(0.001)
        sys.exit(f"bench: {target / name} did not arrive")

    def arrivals_ms(self, source, target, label):
        name = next(path.relative_to(source) for path in sorted(source.glob("*/file-*")))
        self.arrival_s(source, target, name, f"{label} warm-up")
        times = []
        for i in range(self.saves):
            time.sleep(BETWEEN_S)
            # Each of another size: rsync takes two of one size for the same when they are of one second.
            times.append(self.arrival_s(source, target, name, f"{label} {'x' * i}") * 1000)
        return times

    def lsyncd_ms(self, source, target, delay):
        engine = self.start_lsyncd(source, target, delay)
        if engine is None:
            return None
        try:
            return self.arrivals_ms(source, target, f"lsyncd {delay}")
        finally:
            self.end(engine)

    # Rows

    def rows_local(self):
        bench = self.bench
        source, target = bench.many(), bench.directory / "target"
        bench.remove("target", "state")
        (bench.directory / "state").mkdir(mode=0o700)
        engine = self.start(bench.job(source, target, fsync="false", watch="true"))
        try:
            ours = self.arrivals_ms(source, target, "syncline")
            before = cpu_ms(engine.pid)
            self.arrivals_ms(source, target, "processor")
            cpu = (cpu_ms(engine.pid) - before) / (self.saves + 1)
            time.sleep(2)
            span = 5 if bench.scale < 1 else 60
            before = cpu_ms(engine.pid)
            time.sleep(span)
            share = (cpu_ms(engine.pid) - before) / (span * 10)
            resident = resident_mib(engine.pid)
        finally:
            self.end(engine)
        subprocess.run(["rsync", "-a", f"{source}/", f"{bench.directory}/target-rsync/"], check=True)
        files = f"{bench.scaled(100_000):,}"
        rows = [Row(f"watch: one file saved in {files}, until it is on a local target", "ms", ours, 120),
                Row("watch: processor time of that run", "ms", [cpu], 20),
                Row(f"watch: idle with {files} files, of one core", "%", [share], 0.2),
                Row(f"watch: idle with {files} files, memory", "MiB", [resident], 100)]
        # With delay = 0 it does not wait until the tree is quiet, as we do for 50 ms.
        for delay, limit in ((0, None), (1, 1)):
            peer = self.lsyncd_ms(source, bench.directory / "target-rsync", delay)
            if peer:
                rows.append(Row(f"watch: the save, against delay = {delay}", "ms", ours, limit, peer, "lsyncd"))
        return rows

    def rows_ssh(self):
        source = self.bench.many()
        rows = self.ssh_rows()
        rows.forget()
        engine = self.start(rows.job("near", source, watch="true"))
        try:
            ours = self.arrivals_ms(source, self.bench.directory / "target", "over ssh")
        finally:
            self.end(engine)
        return [Row(f"watch: one file saved in {self.bench.scaled(100_000):,}, until it is there over ssh", "ms", ours, 200)]

    def rows_burst(self):
        """1,000 files at once, against a plain `apply --once` of them."""
        bench = self.bench
        count = bench.scaled(1000)
        source, target = bench.directory / "burst", bench.directory / "target"
        bench.remove("burst", "target", "state")
        (bench.directory / "state").mkdir(mode=0o700)
        (source / "first").mkdir(parents=True)
        (source / "first/file-0").write_text("0")

        def create(name):
            (source / name).mkdir()
            for i in range(count):
                (source / name / str(i)).write_text(f"{name} {i}")

        def wait(name):
            began = time.perf_counter()
            while time.perf_counter() - began < DEADLINE_S:
                there = (target / name).is_dir() and len(os.listdir(target / name)) >= count
                if there and not any(entry.startswith(".syncline-tmp-") for entry in os.listdir(target / name)):
                    return
                time.sleep(0.002)
            sys.exit("bench: the burst did not arrive")

        path = bench.job(source, target, fsync="false", watch="true")
        engine = self.start(path)
        ours, plain = [], []
        try:
            self.arrivals_ms(source, target, "burst")
            for turn in range(bench.rounds):
                began = time.perf_counter()
                create(f"live-{turn}")
                wait(f"live-{turn}")
                ours.append(time.perf_counter() - began)
        finally:
            self.end(engine)
        for turn in range(bench.rounds):
            began = time.perf_counter()
            create(f"plain-{turn}")
            bench.timed(bench.binary, "apply", "--once", path)
            plain.append(time.perf_counter() - began)
        return [Row(f"watch: {count:,} files created at once, until all are there", "s", ours, 1.5, plain, "apply --once")]


def cpu_ms(pid):
    """Finer than the ticks of /proc/PID/stat: what the scheduler counted for all threads."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e6


def resident_mib(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


WATCH_ROWS = {
    "watch": WatchRows.rows_local,
    "watch-ssh": WatchRows.rows_ssh,
    "watch-burst": WatchRows.rows_burst,
}
