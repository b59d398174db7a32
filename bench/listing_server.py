"""A bucket that is as large as one likes and takes no room: its listing is made up page by page as it is asked for.

It answers ListObjectsV2 and nothing else: every object is "not there" when it is read, and nothing can be put. Signatures are
not looked at.
"""
import http.server
import threading
import urllib.parse

HOST = "127.0.0.1"
PAGE = 1000
IN_DIRECTORY = 80
ETAG = "9dd4e461268c8034f5c8564e155c67a6"
CONTENT = b"x"  # of each object: ETAG is its MD5
HEAD = ('<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>{bucket}</Name>'
        "<Prefix>{prefix}</Prefix><EncodingType>url</EncodingType><MaxKeys>{page}</MaxKeys><KeyCount>{count}</KeyCount>")
CONTENTS = ("<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;" + ETAG + "&quot;</ETag>"
            "<Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>")


def name(number):
    """The path of an object below the prefix; in the order of the numbers."""
    return f"dir-{number // IN_DIRECTORY:05}/file-{number:07}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if query.get("list-type") != "2":
            return self.answer(404, "<Error><Code>NoSuchKey</Code><Message>not there</Message></Error>")
        self.server.pages += 1
        prefix = query.get("prefix", "")
        first = int(query.get("continuation-token", "0"))
        end = min(first + PAGE, self.server.count)
        more = end < self.server.count
        body = [HEAD.format(bucket=url.path.split("/")[1], prefix=urllib.parse.quote(prefix), page=PAGE, count=end - first),
                f"<IsTruncated>{str(more).lower()}</IsTruncated>",
                f"<NextContinuationToken>{end}</NextContinuationToken>" if more else ""]
        body += [CONTENTS.format(key=urllib.parse.quote(prefix + name(number))) for number in range(first, end)]
        return self.answer(200, "".join(body) + "</ListBucketResult>")

    def do_HEAD(self):
        self.answer(404, "")

    def do_PUT(self):
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.answer(403, "<Error><Code>AccessDenied</Code><Message>this bucket only lists</Message></Error>")

    do_POST = do_DELETE = do_PUT

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class ListingServer:
    """Lists `count` objects of one byte below whatever prefix it is asked for, until `stop`."""

    def __init__(self, count):
        self.server = http.server.ThreadingHTTPServer((HOST, 0), Handler)
        self.server.daemon_threads = True
        self.server.count, self.server.pages = count, 0
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def endpoint(self):
        return f"http://{HOST}:{self.server.server_address[1]}"

    @property
    def pages(self):
        """How many it was asked for."""
        return self.server.pages

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
