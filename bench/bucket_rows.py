"""The rows of buckets: pushes and pulls against rclone and aws-cli, each with the same RADOS Gateway."""
import pathlib
import sys

import data
from table import Row

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "tests/e2e"))
from bucket_server import BucketServer  # noqa: E402


class BucketRows:
    def __init__(self, bench):
        self.bench, self.directory = bench, bench.directory
        self.server = BucketServer(bench.directory / "store")
        bench.env |= self.server.environment() | {"AWS_EC2_METADATA_DISABLED": "true"}
        # rclone 1.60 ends when it is set.
        bench.env.pop("AWS_CA_BUNDLE", None)
        self.buckets = 0

    def stop(self):
        self.server.stop()

    def new_bucket(self):
        self.buckets += 1
        name = f"bench-{self.buckets}"
        self.aws("s3api", "create-bucket", "--bucket", name)
        return name

    def aws(self, *args):
        return self.bench.timed("aws", "--endpoint-url", self.server.endpoint, *args)[0]

    def rclone(self, *args):
        user = self.server.users[0]
        remote = (f":s3,provider=Ceph,access_key_id={user.access_key},secret_access_key={user.secret_key},"
                  f"endpoint='{self.server.endpoint}':")
        words = [str(word).replace("REMOTE:", remote) for word in args]
        return self.bench.timed("rclone", "--config", "/dev/null", *words)[0]

    def job(self, root, bucket, **keys):
        path = self.directory / "bucket-jobs.toml"
        lines = "\n".join(f"{key} = {value}" for key, value in keys.items())
        path.write_text(
            f'version = 1\n[buckets.store]\nprovider = "generic"\nbucket = "{bucket}"\nregion = "us-east-1"\n'
            f'endpoint = "{self.server.endpoint}"\n[jobs.bench]\nroot = "{root}"\nremote = "store:ws"\nignore_files = []\n{lines}\n')
        return path

    def forget(self):
        self.bench.remove("state")
        (self.directory / "state").mkdir(mode=0o700)

    def ours(self, path):
        return self.bench.timed(self.bench.binary, "apply", "--once", path)[0]

    def row_push(self):
        count = self.bench.scaled(5_000)
        source = self.bench.tree("files-5k", data.make_files, count, self.bench.scaled(100), 4096)

        def ours():
            self.forget()
            return self.ours(self.job(source, self.new_bucket()))

        ours, peer = self.bench.in_turns(
            ours, lambda: self.rclone("sync", "--transfers", "32", source, f"REMOTE:{self.new_bucket()}/ws"))
        return Row(f"bucket: first push, {count:,} objects of 4 KiB", "s", ours, 0.8, peer, "rclone, 32 transfers")

    def row_unchanged(self):
        source, bucket = self.bench.copies(), self.new_bucket()
        path = self.job(source, bucket)
        self.forget()
        self.ours(path)
        ours, peer = self.bench.in_turns(lambda: self.ours(path),
                                         lambda: self.rclone("sync", "--checksum", source, f"REMOTE:{bucket}/ws"))
        return Row(f"bucket: nothing changed, {self.bench.scaled(20_000):,} objects", "s", ours, 0.5, peer, "rclone --checksum")

    def rows_big(self):
        source = self.bench.tree("big", data.make_big_file, self.bench.scaled(1024) << 20)
        size, bucket = f"{self.bench.scaled(1024):,} MiB", self.new_bucket()

        def push():
            self.forget()
            return self.ours(self.job(source, self.new_bucket()))

        ours, peer = self.bench.in_turns(
            push, lambda: self.aws("s3", "cp", "--quiet", source / "big", f"s3://{bucket}/big"))
        rows = [Row(f"bucket: push of {size} in one file", "s", ours, 0.7, peer, "aws s3 cp")]
        self.forget()
        self.ours(self.job(source, bucket))
        pulled = self.directory / "pulled"

        def pull():
            self.forget()
            self.bench.remove("pulled")
            return self.ours(self.job(pulled, bucket, direction='"pull"'))

        ours, peer = self.bench.in_turns(
            pull, lambda: self.aws("s3", "cp", "--quiet", f"s3://{bucket}/big", self.directory / "pulled-aws"))
        self.bench.check_equal(source, pulled, modes=False)
        return [*rows, Row(f"bucket: pull of {size} in one file", "s", ours, 0.7, peer, "aws s3 cp")]


BUCKET_ROWS = {
    "bucket-push": lambda rows: [rows.row_push()],
    "bucket-unchanged": lambda rows: [rows.row_unchanged()],
    "bucket-big": lambda rows: rows.rows_big(),
}
