#!/usr/bin/python3
"""`./dev soak`: for as long as you like, real runs that are killed, cut off, disturbed by flips, edits and a second machine;
after each round it is checked that

- nothing torn could be read at any name, at any moment of it,
- nothing outside the roots was changed, and nothing from there came in,
- no edit of somebody who works on the target was lost,
- one more run, left alone, makes the target what it has to be, and the one after that has nothing to do,
- nothing of syncline's own lies about.

Each round has a seed: `--seed N --rounds 1 --lane NAME` repeats what can be repeated of it. SYNCLINE_BINARY is the program.
"""
import argparse
import collections
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
# pylint: disable=wrong-import-position
from harness import Sandbox, snapshot  # noqa: E402
from soak_world import (DIRECTORIES, KEPT, NAMES, OWN, Cutter, Editor, Flipper, Reader, Tree, content_of, forget_ended, is_whole,
                        remove, tree_of, wait_until)  # noqa: E402
from ssh_server import STUDENT, SshServer  # noqa: E402

SECRET = b"of the outside, and of nobody else"
RUN_DEADLINE_S = 120


class Violation(Exception):
    pass


class Machine:
    """One place with a state, a source and a job of its own."""

    def __init__(self, sandbox, dice, keys):
        self.sandbox = sandbox
        sandbox.jobs(("copy", {"root": sandbox.source, "fsync": False, "max_delete": "100%", **keys}))

    def start(self, *args):
        log = self.sandbox.directory / "log"
        with open(log, "wb") as out:
            return subprocess.Popen(
                self.sandbox.command(["apply", "--once", self.sandbox.job_file, *args]), cwd=self.sandbox.directory,
                env=self.sandbox.env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)

    def log(self):
        return (self.sandbox.directory / "log").read_text(errors="replace")[-3000:]


class Lane:
    """One way to use syncline, and what disturbs it."""

    def __init__(self, name, place, binary, seed, before=None):
        self.name, self.dice, self.usual_s = name, random.Random(seed), 0.3
        self.figures = before.figures if before else collections.Counter()
        self.statuses = before.statuses if before else collections.Counter()
        directory = place / f"{name}-{self.figures['violations']}"
        directory.mkdir(mode=0o755)
        self.is_remote, self.is_pull = "local" not in name, "pull" in name
        self.keeps, self.two = "edits" in name, "two" in name
        self.made_by_others = set()  # the digests of contents that somebody saved on the target
        self.made_in_source = set()
        self.server = None
        if self.is_remote:
            lines = ["ForceCommand internal-sftp"] if "sftp" in name else []
            self.server = SshServer(directory / "server", lines=lines)
        self.machines = []
        for number in range(2 if self.two else 1):
            home = directory / f"machine-{number}"
            home.mkdir(mode=0o755)
            self.machines.append(self.make_machine(Sandbox(binary, home), directory))
        far = self.server.home / "target" if self.server else directory / "target"
        owner = STUDENT if self.server else None
        scratch = self.server.home / "scratch" if self.server else directory / "scratch"
        for made in (far, scratch):
            made.mkdir(exist_ok=True)
        self.far = Tree(far, self.dice, scratch, owner, with_links=not self.is_pull)
        self.near = [Tree(machine.sandbox.source, self.dice, machine.sandbox.directory) for machine in self.machines]
        self.outside = (self.server.home if self.server else directory) / "outside"
        self.make_outside()
        if self.server:
            self.server.own(self.server.home)
        self.source, self.target = (self.far, self.near[0]) if self.is_pull else (self.near[0], self.far)
        for tree in [self.far] if self.is_pull else self.near:
            tree.change(60)
        for number, machine in enumerate(self.machines):
            self.calm_run(machine, *(["--adopt"] if number else []))

    def make_machine(self, sandbox, directory):
        if self.server:
            sandbox.add_ssh_host(self.server)
        keys = {"remote": "cse:target" if self.server else directory / "target"}
        if self.is_pull:
            keys |= {"direction": "pull", "pull": "mirror"}
        elif self.keeps:
            keys |= {"delete": "synced"}
        else:
            keys |= {"delete": "mirror"}
        return Machine(sandbox, self.dice, keys)

    def make_outside(self):
        for directory in ["."] + DIRECTORIES:
            (self.outside / directory).mkdir(exist_ok=True)
        for name in NAMES:
            body = content_of(self.dice, 500)[65:] + SECRET
            (self.outside / name).write_bytes(whole(body))
        if self.server:
            self.server.own(self.outside)
        self.outside_before = snapshot(self.outside)

    # A round

    def round(self):
        for tree in [self.far] if self.is_pull else self.near:
            tree.change(self.dice.choice([3, 10, 40]))
            self.made_in_source |= {value[1][:64] for value in tree_of(tree.root).values() if value[0] == "file"}
        actors, editor = self.start_actors()
        try:
            for _ in range(self.dice.choice([1, 1, 2, 4])):
                self.disturbed_runs()
        finally:
            for actor in actors:
                actor.end()
        self.count(actors)
        if self.server:
            forget_ended(self.server)
        self.check_outside()
        self.converge(editor)
        self.figures["rounds"] += 1

    def start_actors(self):
        reader = Reader(random.Random(self.dice.random()), self.target.root, SECRET if self.is_pull else None)
        actors, editor = [reader], None
        dice = lambda: random.Random(self.dice.random())  # noqa: E731
        if self.keeps:
            editor = Editor(dice(), self.far)
            actors.append(editor)
        elif self.dice.random() < 0.6 and "sftp" not in self.name:  # what SFTP cannot keep apart is said in docs/ssh.md
            actors.append(Flipper(dice(), self.far.root, self.outside, self.far.scratch))
        if self.server and self.dice.random() < 0.3:
            actors.append(Cutter(dice(), self.server))
        return actors, editor

    def disturbed_runs(self):
        processes = [machine.start() for machine in self.machines]
        for machine, process in zip(self.machines, processes):
            self.figures["runs"] += 1
            if self.dice.random() < 0.6:
                try:
                    process.wait(self.dice.uniform(0, 1.3 * self.usual_s))
                except subprocess.TimeoutExpired:
                    process.kill()
                    self.figures["kills"] += 1
            try:
                status = process.wait(RUN_DEADLINE_S)
                self.statuses[status] += 1
                if status == 3:
                    print(f"halted in {self.name}: {machine.log()}", flush=True)
            except subprocess.TimeoutExpired as error:
                process.kill()
                raise Violation(f"a run has not ended within {RUN_DEADLINE_S} s") from error

    def count(self, actors):
        for actor in actors:
            self.figures[type(actor).__name__.lower()] += actor.count
            if isinstance(actor, Reader) and actor.torn:
                raise Violation(f"torn or foreign content was read: {actor.torn[:3]}")

    # What must hold

    def check_outside(self):
        now = snapshot(self.outside)
        if now != self.outside_before:
            changed = [path for path in now.keys() | self.outside_before.keys() if now.get(path) != self.outside_before.get(path)]
            raise Violation(f"the outside was changed: {changed[:5]}")

    def calm_run(self, machine, *args, allowed=(0,)):
        began = time.monotonic()
        for attempt in range(40):
            process = machine.start(*args)
            status = process.wait(RUN_DEADLINE_S)
            if status != 5:
                break
            # What was cut off still lives at the server, and is waited for by those who come after it.
            self.figures["waits for a run at the server"] += 1
            time.sleep(0.5)
        self.figures["runs"] += 1
        if status not in allowed:
            raise Violation(f"a run that was left alone ended with {status} (attempt {attempt + 1}): {machine.log()}")
        if attempt == 0:
            self.usual_s = 0.8 * self.usual_s + 0.2 * (time.monotonic() - began)

    def converge(self, editor):
        if editor:
            self.calm_run(self.machines[0], allowed=(0, 4))
            self.check_edits(editor.edits)
            for name in editor.edits:
                self.settle_edit(name)
            self.calm_run(self.machines[0], allowed=(0, 4))
            self.settle_unknown(tree_of(self.source.root), tree_of(self.target.root))
        for number, machine in enumerate(self.machines):
            self.calm_run(machine)
            target = self.settle_kept(machine)
            wanted = tree_of(self.source.root if self.is_pull else self.near[number].root)
            if self.is_pull or self.two or self.keeps:  # what is equal keeps its mode there
                wanted, target = without_modes(wanted), without_modes(target)
            if self.keeps:
                target = self.settle_unknown(wanted, target)
            compare(wanted, target, "the target is not the source")
        plan = self.machines[-1].sandbox.run("plan", "--json", self.machines[-1].sandbox.job_file).json()["jobs"][0]
        if plan["actions"] or plan["halt"]:
            raise Violation(f"something is left to do after a whole run: {plan['actions'][:3]} {plan['halt']}")
        self.check_leftovers()

    def settle_unknown(self, wanted, target):
        """What a killed run had made without being able to record it, or what held somebody's file, is not the job's to remove."""
        extra = [path for path, value in target.items() if value[0] != "file" and wanted.get(path, ("",))[0] != value[0]]
        for path in extra:
            remove(os.path.join(self.target.root, path))
        self.figures["left, for not known as the job's own"] += len(extra)
        return {path: value for path, value in target.items() if path not in extra}

    def settle_kept(self, machine):
        """What the run kept for a person was put there by a flip; a person looks at it and takes it away."""
        target = tree_of(self.target.root)
        for path in [path for path in target if KEPT.decode() in path]:
            self.figures["kept beside its name"] += 1
            shutil.rmtree(os.path.join(self.target.root, path), ignore_errors=True)
            if os.path.lexists(os.path.join(self.target.root, path)):
                os.unlink(os.path.join(self.target.root, path))
            target = {name: value for name, value in target.items() if name != path and not name.startswith(path + "/")}
        return target

    def check_edits(self, edits):
        self.figures["edits"] += len(edits)
        self.made_by_others |= {content[:64] for content in edits.values()}
        target = tree_of(self.target.root)
        there = {value[1] for value in target.values() if value[0] == "file"}
        lost = [name for name, content in edits.items() if content not in there]
        if lost:
            shown = {name: target.get(name, ("nothing",))[0] for name in lost[:5]}
            raise Violation(f"edits were lost: {shown}; {self.machines[0].log()}")
        moved = [name for name, content in edits.items() if target.get(name, ("", ""))[1] != content]
        self.figures["edits kept beside their name"] += len(moved)
        wanted = tree_of(self.source.root)
        for path, value in target.items():
            if value[0] != "file" or path in edits or KEPT.decode() in path or wanted.get(path, ("",))[:2] == value[:2]:
                continue
            # What was there before the job had it is not the job's to delete, or to replace by a directory; its owner takes it away.
            # So is what a killed run had put without being able to record it.
            is_gone = wanted.get(path, ("directory",))[0] == "directory"
            if is_gone and value[1][:64] in self.made_by_others | self.made_in_source:
                self.figures["left, for not known as the job's own"] += 1
                os.unlink(os.path.join(self.target.root, path))
                continue
            raise Violation(f"'{path}' is neither the source's nor somebody's edit: {self.machines[0].log()}")

    def settle_edit(self, name):
        """Its owner brings it into the source, or takes it away from both."""
        there = os.path.join(self.far.root, name)
        if os.path.isfile(there) and not os.path.islink(there):
            with open(there, "rb") as file:
                self.near[0].put(name, file.read())
            os.chmod(os.path.join(self.near[0].root, name), 0o600)

    def check_leftovers(self):
        for root in [self.far.root, *(tree.root for tree in self.near)]:
            def left(root=root):
                return [path for path in tree_of(root) if OWN.decode() in path and KEPT.decode() not in path]
            # A script at the server outlives its connection for a moment.
            if not wait_until(lambda left=left: not left(), 10 if self.server else 0):
                raise Violation(f"left behind in {root}: {left()[:5]}")

    def stop(self):
        if self.server:
            self.server.stop()


def whole(body):
    import hashlib  # pylint: disable=import-outside-toplevel
    made = hashlib.sha256(body).hexdigest().encode() + b"\n" + body
    assert is_whole(made)
    return made


def without_modes(tree):
    return {path: value[:2] for path, value in tree.items()}


def compare(wanted, found, what):
    if wanted == found:
        return
    names = [path for path in sorted(wanted.keys() | found.keys()) if wanted.get(path) != found.get(path)]
    brief = {path: [(value[0], value[2:] if value[0] == "file" else value[1:], len(value[1]) if value[0] == "file" else 0)
                    if value else None for value in (wanted.get(path), found.get(path))] for path in names[:5]}
    raise Violation(f"{what}, {len(names)} paths (wanted, found): {brief}")


LANES = ["local", "local-edits", "local-two", "ssh", "ssh-edits", "ssh-two", "ssh-pull", "sftp", "sftp-pull", "local-pull"]


def report(lanes, began):
    minutes = (time.monotonic() - began) / 60
    print(f"\n{minutes:.1f} minutes")
    columns = sorted({key for lane in lanes for key in lane.figures})
    print(f"{'':12} " + " ".join(f"{column:>10}" for column in columns))
    for lane in lanes:
        print(f"{lane.name:12} " + " ".join(f"{lane.figures[column]:>{max(10, len(column))}}" for column in columns) +
              f"   exits {dict(sorted(lane.statuses.items()))}")
    total = sum((lane.figures for lane in lanes), collections.Counter())
    print("all: " + ", ".join(f"{total[column]} {column}" for column in columns), flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--minutes", type=float, default=60)
    arguments.add_argument("--rounds", type=int, default=0, help="at most so many of each lane")
    arguments.add_argument("--seed", type=int, default=None)
    arguments.add_argument("--lane", action="append", choices=LANES, help="only this one; may be repeated")
    arguments.add_argument("--load", type=float, default=1.0, help="the share of the time in which it works")
    options = arguments.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    binary = pathlib.Path(os.environ["SYNCLINE_BINARY"]).resolve()
    place = pathlib.Path(tempfile.mkdtemp(prefix="syncline-soak-"))
    place.chmod(0o755)
    print(f"seed {seed}, in {place}", flush=True)
    wanted = options.lane or (LANES if os.geteuid() == 0 else [name for name in LANES if "local" in name])
    lanes, failures, began, told = [], 0, time.monotonic(), time.monotonic()
    try:
        for name in wanted:
            lanes.append(Lane(name, place, binary, f"{seed} {name}"))
        while time.monotonic() - began < 60 * options.minutes:
            going = [lane for lane in lanes if not options.rounds or lane.figures["rounds"] < options.rounds]
            if not going:
                break
            lane = min(going, key=lambda lane: lane.figures["rounds"] + lane.figures["violations"])
            at = time.monotonic()
            try:
                lane.round()
            except Violation as violation:
                failures += 1
                lane.figures["violations"] += 1
                print(f"VIOLATION in {lane.name}, round {lane.figures['rounds'] + 1}: {violation}", flush=True)
                lane.stop()
                lanes[lanes.index(lane)] = Lane(lane.name, place, binary, f"{seed} {lane.name} {failures}", before=lane)
            time.sleep((time.monotonic() - at) * (1 / options.load - 1))
            if time.monotonic() - told > 300:
                told = time.monotonic()
                report(lanes, began)
    except KeyboardInterrupt:
        pass
    finally:
        for lane in lanes:
            lane.stop()
    report(lanes, began)
    if failures:
        print(f"{failures} violations; the trees are kept in {place}")
        return 1
    shutil.rmtree(place)
    print("nothing that was promised was broken")
    return 0


if __name__ == "__main__":
    sys.exit(main())
