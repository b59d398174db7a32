// Remotes: what a `remote` means, given the hosts and buckets of the file.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "config/environment.hpp"
#include "config/job.hpp"

namespace syncline {

struct RemoteMeaning {
    std::optional<Destination> destination;
    std::string error;    ///< when there is no destination: the end of a sentence that begins with 'remote'
    std::string warning;  ///< "" or something that looks like a mistake but need not be one
};

/// `text` is the remote with its variables expanded. A ':' before the first '/' ends a HOST or BUCKET; anything else is
/// a local path, relative to `directory`. A HOST without a table is one that ssh_config may know.
RemoteMeaning read_remote(const std::string& text, const std::map<std::string, Host>& hosts,
                          const std::map<std::string, Bucket>& buckets, const std::string& directory,
                          const ParseEnvironment& environment);

/// The same for PREFIX in the bucket `name`, which is not looked for.
RemoteMeaning read_bucket_remote(const std::string& name, const std::string& prefix);

}  // namespace syncline
