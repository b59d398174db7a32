"""One bucket for one test, as the test sees it and as other clients do; and proxies before its gateway."""
import contextlib
import datetime
import hashlib
import hmac
import html
import http.client
import json
import os
import re
import subprocess
import urllib.parse

from tcp_proxy import CuttingProxy

REGION = "us-east-1"


class CountingProxy(CuttingProxy):
    """Counts the requests that pass, by their method."""

    def __init__(self, port):
        self.requests = []
        super().__init__(port)

    def note(self, direction, data):
        if direction == "up":
            self.requests += [method.decode() for method in re.findall(rb"(?:^|\n)([A-Z]+) /\S* HTTP/1.1\r", data)]


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def texts(self, name):
        """The texts of all elements of that name. No XML parser takes what a gateway says of control characters."""
        return list(map(html.unescape, re.findall(f"<{name}>(.*?)</{name}>", self.body.decode())))


def request(port, user, method, path, query=None, body=b""):
    """One request with Signature V4. A test looks at its bucket often, and a start of aws-cli takes half a second."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    path = urllib.parse.quote(path, safe="/~")
    query = urllib.parse.urlencode(sorted((query or {}).items()), quote_via=urllib.parse.quote, safe="~")
    headers = {"host": f"127.0.0.1:{port}", "x-amz-content-sha256": hashlib.sha256(body).hexdigest(), "x-amz-date": now}
    canonical = "\n".join([method, path, query, *(f"{name}:{value}" for name, value in headers.items()), "",
                           ";".join(headers), headers["x-amz-content-sha256"]])
    scope = [now[:8], REGION, "s3", "aws4_request"]
    key = b"AWS4" + user.secret_key.encode()
    for word in scope:
        key = hmac.digest(key, word.encode(), "sha256")
    to_sign = "\n".join(["AWS4-HMAC-SHA256", now, "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()])
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    headers["Authorization"] = (f"AWS4-HMAC-SHA256 Credential={user.access_key}/{'/'.join(scope)}, "
                                f"SignedHeaders={';'.join(headers)}, Signature={signature}")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path + ("?" + query if query else ""), body, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


class Store:
    """One bucket, and the job files and programs of one machine (its sandbox) that use it."""

    def __init__(self, gateway, sandbox, name):
        self.gateway, self.sandbox, self.name = gateway, sandbox, name
        self.user, self.endpoint = gateway.users[0], gateway.endpoint
        sandbox.env |= {"KEY": self.user.access_key, "SECRET": self.user.secret_key}
        self.env = {
            "PATH": os.environ["PATH"], "HOME": str(sandbox.home), "AWS_ACCESS_KEY_ID": self.user.access_key,
            "AWS_SECRET_ACCESS_KEY": self.user.secret_key, "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true", "PYENV_VERSION": os.environ.get("PYENV_VERSION", ""),
        }

    # What the program is told

    def table(self, **keys):
        wanted = {"provider": "generic", "bucket": self.name, "region": REGION, "endpoint": self.endpoint}
        lines = [f"{key} = {json.dumps(value)}" for key, value in (wanted | keys).items()]
        return "\n[buckets.store]\n" + "\n".join(lines) + '\ncredentials = { env = ["KEY", "SECRET"] }\n'

    def job(self, *jobs, **keys):
        """The job `push`, from the sandbox's source to `ws/`; or those given."""
        jobs = jobs or [("push", {"root": self.sandbox.source, "remote": "store:ws", "fsync": False} | keys)]
        self.write(*jobs)

    def write(self, *jobs, **table):
        self.sandbox.jobs(*jobs, head=self.table(**table))
        self.sandbox.run("trust", "jobs.toml")

    def down(self, name="other", **keys):
        """The job `down`, which pulls into a directory of its own. Gives that."""
        root = self.sandbox.directory / name
        self.job(("down", {"root": root, "remote": "store:ws", "direction": "pull", "fsync": False} | keys))
        return root

    @contextlib.contextmanager
    def counted(self, **keys):
        """Gives the methods of the requests that the job `push` makes meanwhile."""
        proxy = CountingProxy(self.gateway.port)
        self.endpoint = f"http://127.0.0.1:{proxy.port}"
        self.job(**keys)
        try:
            yield proxy.requests
        finally:
            proxy.stop()
            self.endpoint = self.gateway.endpoint
            self.job(**keys)

    # What is in the bucket

    def ask(self, method, key="", query=None, body=b"", want=(200, 204)):
        answer = request(self.gateway.port, self.user, method, f"/{self.name}/{key}", query, body)
        assert answer.status in want, (method, key, answer.status, answer.body)
        return answer

    def create(self):
        self.ask("PUT")

    def keys(self, prefix="ws/"):
        """All keys below `prefix`, without it."""
        found, query = [], {"list-type": "2", "prefix": prefix, "encoding-type": "url"}
        while True:
            answer = self.ask("GET", query=query)
            found += map(urllib.parse.unquote_plus, answer.texts("Key"))
            if answer.texts("IsTruncated") != ["true"]:
                return sorted(key[len(prefix):] for key in found)
            query["start-after"] = found[-1]

    def get(self, key):
        """The content; None when it is not there."""
        answer = self.ask("GET", key, want=(200, 404))
        return answer.body if answer.status == 200 else None

    def tree(self, prefix="ws/"):
        """{path: content} of the files, as read_tree gives it."""
        return {key: self.get(prefix + key) for key in self.keys(prefix) if not key.endswith("/")}

    def put(self, key, content):
        self.ask("PUT", key, body=content)

    def remove(self, key):
        self.ask("DELETE", key)

    def head(self, key):
        headers = self.ask("HEAD", key).headers
        start = "x-amz-meta-"
        return {"ContentLength": int(headers["Content-Length"]), "ETag": headers["ETag"],
                "Metadata": {name.lower()[len(start):]: value for name, value in headers.items()
                             if name.lower().startswith(start)}}

    def uploads(self):
        """Keys of multipart uploads that are under way."""
        return self.ask("GET", query={"uploads": ""}).texts("Key")

    # As other clients see it

    def aws(self, *args):
        return self.client("aws", "--endpoint-url", self.gateway.endpoint, *map(str, args))

    def rclone(self, *args):
        """REMOTE in an argument stands for the bucket."""
        remote = (f":s3,provider=Ceph,access_key_id={self.user.access_key},"
                  f"secret_access_key={self.user.secret_key},endpoint='{self.gateway.endpoint}':{self.name}")
        return self.client("rclone", "--config", "/dev/null", *(str(arg).replace("REMOTE", remote) for arg in args))

    def client(self, *command):
        done = subprocess.run(command, env=self.env, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr
