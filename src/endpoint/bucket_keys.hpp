// BucketKeys: which object of a bucket stands for which path of a tree. Pure.
//
// A file's key is PREFIX/PATH; a directory's is the same with a slash at its end (a marker without content). Paths are
// not encoded: a path that cannot be a key is refused by name, and so is a key that is no path.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace syncline {

class BucketKeys {
  public:
    /// `prefix` as the job file has it; slashes at its end do not count. "": the whole bucket.
    explicit BucketKeys(std::string_view prefix);

    /// Without a slash at its end.
    const std::string& prefix() const { return prefix_; }
    /// What every key of the tree begins with: "" or "PREFIX/".
    const std::string& beginning() const { return beginning_; }

    std::string file_key(std::string_view path) const { return beginning_ + std::string(path); }
    std::string directory_key(std::string_view path) const { return file_key(path) + "/"; }

    /// "" or why no object can have this key: S3 has keys of up to 1,024 bytes of UTF-8.
    static std::string why_no_key(std::string_view key);

    struct Place {
        std::string_view path;  ///< into the key; "" is the root
        bool is_directory = false;
    };
    /// nullopt for a key that names no path below the prefix.
    std::optional<Place> place_of(std::string_view key) const;

  private:
    std::string prefix_, beginning_;
};

}  // namespace syncline
