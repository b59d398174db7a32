// Jobs from the command line: a job without a name, and a job of the file with another root or remote. Text from a
// command line has been through the shell, so variables are not expanded again; a `~/` that the shell left alone is.
#pragma once

#include <string>

#include "config/environment.hpp"
#include "config/job.hpp"

namespace syncline {

struct AdHocRequest {
    std::string root;    ///< as given or found; relative to `directory`
    std::string remote;  ///< HOST:DIR, BUCKET:PREFIX or a local path, relative to `directory`
    Direction direction = Direction::push;
    std::string directory;            ///< absolute: the current directory
    bool remote_comes_later = false;  ///< there is none yet: replace_bucket() follows
    /// `push A B`: such a job removes nothing and leaves alone what was changed on the target, whatever [defaults] say.
    bool names_two_places = false;
};

/// A job named "ad hoc" with the defaults, hosts and buckets of `file`, which may be null. Throws Error{usage} for a
/// remote that means nothing, and for a root and remote that lie in each other.
Job ad_hoc_job(const AdHocRequest& request, const JobFile* file, const ParseEnvironment& environment);

/// Why a directory is more than an ad hoc job takes for its root unasked: the end of a sentence that begins with it; ""
/// when it is not `/`, nobody's home directory, and holds none.
std::string why_too_much(const std::string& root, const ParseEnvironment& environment);

/// What `--root` does to a job of the file. Throws as ad_hoc_job.
void replace_root(Job& job, const std::string& root, const std::string& directory, const ParseEnvironment& environment);

/// What `--dest` and `--bucket` do to a job of the file; what follows from the kind of destination follows anew. Throws
/// as ad_hoc_job.
void replace_remote(Job& job, const std::string& remote, const std::string& directory, const JobFile* file,
                    const ParseEnvironment& environment);

/// What `--bucket` does: NAME is a table of `file`, which may be null, or PROVIDER:BUCKET. Throws Error{usage}.
void replace_bucket(Job& job, const std::string& name, const std::string& prefix, const JobFile* file);

/// What `-d` does to a job whose remote is on a server: another directory there, read as what stands behind HOST:.
/// Throws Error{usage}.
void replace_directory(Job& job, const std::string& directory);

}  // namespace syncline
