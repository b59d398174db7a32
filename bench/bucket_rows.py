"""The rows of buckets: pushes and pulls against rclone and aws-cli, each with the same RADOS Gateway."""
import functools
import os
import pathlib
import shutil
import sys

import data
import listing_server
from table import Row

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "tests/e2e"))
from bucket_server import BucketServer  # noqa: E402
from bucket_store import CountingProxy, request  # noqa: E402

# The package's: what a version manager puts before it takes its own time.
AWS = shutil.which("aws", path=f"/usr/bin{os.pathsep}{os.environ['PATH']}")
PAGE = 1000  # keys in a page of a listing
# A GiB each time; more would tell little more.
BIG_ROUNDS = 3


class BucketRows:
    def __init__(self, bench):
        self.bench, self.directory = bench, bench.directory
        bench.env |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
        # rclone 1.60 ends when it is set.
        bench.env.pop("AWS_CA_BUNDLE", None)
        self.buckets = 0

    @functools.cached_property
    def server(self):
        """Started for the first row that needs it."""
        started = BucketServer(self.directory / "store")
        self.bench.env |= started.environment()
        return started

    def stop(self):
        if "server" in self.__dict__:
            self.server.stop()

    # The store

    def new_bucket(self):
        self.buckets += 1
        name = f"bench-{self.buckets}"
        answer = request(self.server.port, self.server.users[0], "PUT", f"/{name}/")
        if answer.status != 200:
            sys.exit(f"bench: the store makes no bucket: {answer.status} {answer.body}")
        return name

    def drop(self, bucket):
        """Gives its memory back at once; what is deleted or overwritten in another way stays for hours."""
        self.server.call("radosgw-admin", "-c", self.server.config, "-n", "client.rgw", "bucket", "rm", f"--bucket={bucket}",
                         "--purge-objects", "--bypass-gc")

    def keys(self, bucket):
        """How many there are in it; of many, those of the first page."""
        answer = request(self.server.port, self.server.users[0], "GET", f"/{bucket}/", {"list-type": "2"})
        return len(answer.texts("Key"))

    def in_a_bucket(self, run):
        """`run` with a bucket of its own, which is gone afterwards."""
        def in_a_new_one():
            bucket = self.new_bucket()
            result = run(bucket)
            self.drop(bucket)
            return result

        return in_a_new_one

    # Contenders

    def aws_command(self, *args):
        return [AWS, "--endpoint-url", self.server.endpoint, *map(str, args)]

    def aws(self, *args):
        return self.bench.timed(*self.aws_command(*args)).seconds

    def rclone(self, *args):
        user = self.server.users[0]
        remote = (f":s3,provider=Ceph,access_key_id={user.access_key},secret_access_key={user.secret_key},"
                  f"endpoint='{self.server.endpoint}':")
        words = [str(word).replace("REMOTE:", remote) for word in args]
        return self.bench.timed("rclone", "--config", "/dev/null", *words)

    def job(self, root, bucket, endpoint=None, **keys):
        path = self.directory / "bucket-jobs.toml"
        lines = "\n".join(f"{key} = {value}" for key, value in keys.items())
        path.write_text(
            f'version = 1\n[buckets.store]\nprovider = "generic"\nbucket = "{bucket}"\nregion = "us-east-1"\n'
            f'endpoint = "{endpoint or self.server.endpoint}"\n[jobs.bench]\nroot = "{root}"\nremote = "store:ws"\n'
            f'ignore_files = []\n{lines}\n')
        return path

    def forget(self):
        self.bench.remove("state")
        (self.directory / "state").mkdir(mode=0o700)

    def ours(self, path):
        return self.bench.timed(self.bench.binary, "apply", "--once", path)

    def first_push(self, source, **keys):
        """Of a machine that knows nothing yet, into a bucket."""
        def push(bucket):
            self.forget()
            return self.ours(self.job(source, bucket, **keys))

        return push

    # Rows

    def rows_push(self):
        count = self.bench.scaled(5_000)
        source = self.bench.tree("files-5k", data.make_files, count, self.bench.scaled(100), 4096)
        ours, peer = self.bench.in_turns(
            self.in_a_bucket(self.first_push(source)),
            self.in_a_bucket(lambda bucket: self.rclone("sync", "--transfers", "32", source, f"REMOTE:{bucket}/ws")))
        peer_name = "rclone, 32 transfers"
        return [Row(f"bucket: first push, {count:,} objects of 4 KiB", "s", [run.seconds for run in ours], 0.8,
                    [run.seconds for run in peer], peer_name),
                Row("bucket: the same, processor time", "s", [run.cpu_s for run in ours], 0.4,
                    [run.cpu_s for run in peer], peer_name)]

    def rows_unchanged(self):
        source, bucket = self.bench.copies(), self.new_bucket()
        path = self.job(source, bucket)
        self.forget()
        self.ours(path)
        objects = f"{self.bench.scaled(20_000):,} objects"
        ours, peer = self.bench.in_turns(lambda: self.ours(path).seconds,
                                         lambda: self.rclone("sync", "--checksum", source, f"REMOTE:{bucket}/ws").seconds)
        proxy = CountingProxy(self.server.port)
        try:
            self.ours(self.job(source, bucket, f"http://127.0.0.1:{proxy.port}"))
        finally:
            proxy.stop()
        self.drop(bucket)
        # Each directory is an object, too.
        keys = sum(len(directories) + len(files) for _, directories, files in os.walk(source))
        pages = -(-keys // PAGE)
        return [Row(f"bucket: nothing changed, {objects}", "s", ours, 0.5, peer, "rclone --checksum"),
                Row(f"bucket: requests of that run, {keys:,} keys listed", "", [len(proxy.requests)], pages)]

    def rows_big(self):
        mebibytes = self.bench.scaled(1024)
        # Here: the source, what we pull and what aws pulls; in the memory of the store: two pushes.
        self.bench.check_room(disk=3 * mebibytes << 20, memory=3 * mebibytes << 20)
        source = self.bench.tree("big", data.make_big_file, mebibytes << 20)
        size, rounds = f"{mebibytes:,} MiB", min(self.bench.rounds, BIG_ROUNDS)
        push = self.first_push(source)
        ours, peer = self.bench.in_turns(
            self.in_a_bucket(lambda bucket: push(bucket).seconds),
            self.in_a_bucket(lambda bucket: self.aws("s3", "cp", "--quiet", source / "big", f"s3://{bucket}/big")), rounds=rounds)
        rows = [Row(f"bucket: push of {size} in one file", "s", ours, 0.7, peer, "aws s3 cp")]
        bucket = self.new_bucket()
        push(bucket)
        pulled, theirs = self.directory / "pulled", self.directory / "pulled-aws"

        def pull():
            self.forget()
            self.bench.remove("pulled")
            # aws-cli leaves it to the kernel when the data reaches the disk.
            return self.ours(self.job(pulled, bucket, direction='"pull"', fsync="false")).seconds

        def aws_pull():
            self.bench.remove("pulled-aws")
            return self.aws("s3", "cp", "--quiet", f"s3://{bucket}/ws/big", theirs)

        ours, peer = self.bench.in_turns(pull, aws_pull, rounds=rounds)
        self.bench.check_equal(source, pulled, modes=False)
        self.bench.remove("pulled", "pulled-aws")
        self.drop(bucket)
        return [*rows, Row(f"bucket: pull of {size} in one file", "s", ours, 0.7, peer, "aws s3 cp")]

    def row_tar(self):
        source = self.bench.copies()
        push = self.first_push(source, transfer='"tar"')

        def piped(bucket):
            tar = 'source=$1 target=$2; shift 2; tar -c -C "$source" . | zstd -q -3 | "$@" s3 cp --quiet - "$target"'
            return self.bench.timed("bash", "-o", "pipefail", "-c", tar, "bash", source, f"s3://{bucket}/ws.tar.zst",
                                    *self.aws_command()).seconds

        ours, peer = self.bench.in_turns(self.in_a_bucket(lambda bucket: push(bucket).seconds), self.in_a_bucket(piped))
        bucket, pulled = self.new_bucket(), self.directory / "pulled"
        push(bucket)
        if self.keys(bucket) > 10:
            sys.exit("bench: the push did not make an archive")
        self.forget()
        self.bench.remove("pulled")
        self.ours(self.job(pulled, bucket, direction='"pull"'))
        self.bench.check_equal(source, pulled, modes=False)
        self.bench.remove("pulled")
        self.drop(bucket)
        return Row(f"bucket: first push as one archive, {self.bench.scaled(20_000):,} files", "s", ours, 1, peer,
                   "tar, zstd -3, aws s3 cp -")

    def row_memory(self):
        """A push that finds the one file that it has among so many others; the second time it knows it."""
        count = self.bench.scaled(1_000_000)
        self.bench.remove("one-object")
        own = self.directory / "one-object" / listing_server.name(0)
        own.parent.mkdir(parents=True)
        own.write_bytes(listing_server.CONTENT)
        server = listing_server.ListingServer(count)
        try:
            self.forget()
            path = self.job(self.directory / "one-object", "large", server.endpoint, delete='"never"')
            peak = max(self.ours(path).peak_mib for _ in range(2))
            if server.pages != 2 * -(-count // PAGE):
                sys.exit(f"bench: {server.pages} pages were listed in two runs over {count} keys")
        finally:
            server.stop()
        return Row(f"bucket: peak memory, {count:,} keys listed", "MiB", [peak], 250)


BUCKET_ROWS = {
    "bucket-push": lambda rows: rows.rows_push(),
    "bucket-unchanged": lambda rows: rows.rows_unchanged(),
    "bucket-big": lambda rows: rows.rows_big(),
    "bucket-tar": lambda rows: [rows.row_tar()],
    "bucket-memory": lambda rows: [rows.row_memory()],
}
