#include "config/parse.hpp"

namespace syncline {

std::string init_text() {
    return std::string("#:schema ") + SYNCLINE_SCHEMA + R"(
# What syncline keeps in step. Every key is explained in syncline-jobs(5); `syncline check` validates this file, `syncline plan`
# shows what would happen, `syncline apply` does it and goes on doing it.

version = 1

[defaults]                  # keys that every job below has; lists add up, other values are the job's own where it has one
exclude = ["**/node_modules/**", "**/target/**"]

[jobs.copy]
root = "."                  # the source; relative paths are relative to this file
remote = "../copy"          # a local directory; or "HOST:DIR" over SSH, or "BUCKET:PREFIX"
direction = "push"          # push: root -> remote; pull: the reverse
interval = "15m"            # and/or at = ["03:00", "Mon 12:30"]; with neither, the job runs at start and by hand
# delete = "mirror"         # mirror | synced | never: what goes from the remote; unset, a server keeps what was made there
# overwrite = "always"      # always | unchanged: whether what was changed there is overwritten
max_delete = "50%"          # a run that would delete more halts before it does anything
# exclude = ["*.log"]       # beside the defaults and the .gitignore files
# include = ["docs/**"]     # narrows what is left
# timeout = "1h"

# [hosts.server]            # for remote = "server:"; what is unset comes from ssh_config
# hostname = "server.example.org"

# [buckets.store]           # for remote = "store:prefix"
# provider = "s3"           # s3, b2, gcs, r2, minio, generic
# bucket = "my-bucket"
# region = "eu-central-1"
)";
}

}  // namespace syncline
