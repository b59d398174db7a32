#include "state/versions.hpp"

#include <iterator>

namespace syncline {
namespace {

// Bytes that come from users are blobs: they need not be text, and compare byte by byte. Each text makes the next
// version of the one before; none is ever changed, as states of all versions are about.
constexpr const char* versions[] = {
    R"sql(
CREATE TABLE pair (
    id INTEGER PRIMARY KEY,
    root BLOB NOT NULL,
    destination BLOB NOT NULL,
    direction INTEGER NOT NULL,
    baseline_rows INTEGER NOT NULL DEFAULT 0,
    baseline_path_bytes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (root, destination, direction));
CREATE TABLE baseline (
    pair INTEGER NOT NULL,
    path BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (pair, path)) WITHOUT ROWID;
CREATE TABLE whole_sync (
    pair INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    source_file_system BLOB, source_inode INTEGER, source_kind INTEGER,
    target_file_system BLOB, target_inode INTEGER, target_kind INTEGER);
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    pair INTEGER NOT NULL,
    job BLOB NOT NULL,
    started_at INTEGER NOT NULL, finished_at INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    scanned INTEGER NOT NULL, put INTEGER NOT NULL, deleted INTEGER NOT NULL, bytes_sent INTEGER NOT NULL,
    adopted INTEGER NOT NULL,
    detail BLOB NOT NULL,
    problems BLOB NOT NULL);
CREATE INDEX run_by_pair ON run (pair);
CREATE TABLE trusted (
    job_file BLOB PRIMARY KEY,
    sha256 BLOB NOT NULL) WITHOUT ROWID;
PRAGMA application_id = 0x53594e43;
)sql",
    // What the run did with each path (core/path_log.hpp).
    R"sql(
ALTER TABLE run ADD COLUMN path_log BLOB NOT NULL DEFAULT X'';
)sql",
    // Which remote project directories are in use, and how the last clean of each host went.
    R"sql(
CREATE TABLE remote_directory (
    id INTEGER PRIMARY KEY,
    host BLOB NOT NULL, user BLOB NOT NULL,
    hostname BLOB NOT NULL, port INTEGER NOT NULL, host_key BLOB NOT NULL,
    path BLOB NOT NULL,
    root BLOB NOT NULL, job BLOB NOT NULL,
    last_used_at INTEGER NOT NULL,
    UNIQUE (host, user, path, root, job));
CREATE TABLE clean_run (
    host BLOB NOT NULL, user BLOB NOT NULL,
    at INTEGER NOT NULL,
    removed INTEGER NOT NULL, kept INTEGER NOT NULL, bytes_freed INTEGER NOT NULL,
    quota_before BLOB NOT NULL, quota_after BLOB NOT NULL,
    error BLOB NOT NULL,
    PRIMARY KEY (host, user)) WITHOUT ROWID;
)sql",
    // Large files on their way into a bucket (core/upload.hpp).
    R"sql(
CREATE TABLE upload (
    pair INTEGER NOT NULL, id BLOB NOT NULL,
    path BLOB NOT NULL, digest BLOB NOT NULL, size INTEGER NOT NULL, part_bytes INTEGER NOT NULL,
    begun_at INTEGER NOT NULL,
    PRIMARY KEY (pair, id)) WITHOUT ROWID;
CREATE TABLE upload_part (
    pair INTEGER NOT NULL, id BLOB NOT NULL, number INTEGER NOT NULL,
    etag BLOB NOT NULL, md5 BLOB NOT NULL,
    PRIMARY KEY (pair, id, number)) WITHOUT ROWID;
)sql",
    // Trust in what a job file does, not in its bytes; which destinations are one; whom to tell of what changed.
    R"sql(
CREATE TABLE trusted_fact (
    job_file BLOB NOT NULL, fact BLOB NOT NULL,
    PRIMARY KEY (job_file, fact)) WITHOUT ROWID;
CREATE TABLE spelling (
    destination BLOB PRIMARY KEY,
    resolved BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE told (
    pair INTEGER NOT NULL, what BLOB NOT NULL,
    PRIMARY KEY (pair, what)) WITHOUT ROWID;
ALTER TABLE pair ADD COLUMN made_by INTEGER NOT NULL DEFAULT 4;
)sql",
};

}  // namespace

std::span<const char* const> state_versions() { return versions; }

static_assert(std::size(versions) == schema_version);

}  // namespace syncline
