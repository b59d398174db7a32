// FetchDirectory: the private directory ".syncline-tmp-..." in a local root in which what a pull brings lies until it
// is verified and renamed into place.
//
// It is removed with all that is in it when it dies, but for one case: when a fetch broke off, it stays, and the next
// run's takes it over and goes on from there. A lock on it tells that somebody uses it: without that lock it is neither
// taken over nor removed. Engine's thread.
#pragma once

#include <string>
#include <string_view>

#include "endpoint/endpoint.hpp"
#include "fs/fd.hpp"

namespace syncline {

/// Opens the directory `path` below `directory`, which is this program's own; makes what lacks on the way, over what an
/// earlier run left there. Not open, and errno, when that cannot be.
fs::Fd make_directories(int directory, std::string_view path);
/// A new file in `parent`, over what an earlier run left under that name. Not open, and errno, when that cannot be.
fs::Fd create_over_leftover(int parent, const std::string& name);
/// Removes `name`, with what is in it, when a run made it and nobody has it locked.
void remove_unused_directory(int parent, const std::string& name);

class FetchDirectory {
  public:
    FetchDirectory() = default;
    ~FetchDirectory();
    FetchDirectory(const FetchDirectory&) = delete;
    FetchDirectory& operator=(const FetchDirectory&) = delete;

    /// Makes it, or takes over the one that a run before left in `local_root`. A no-op the next time. Throws Error.
    void prepare(const std::string& local_root);
    int fd() const { return fd_.get(); }
    /// Whether there may be something in it that an earlier run brought.
    bool is_taken_over() const { return is_taken_over_; }

    /// Bytes of the file that lie there already; 0 when there is none.
    uint64_t kept_bytes(std::string_view path) const;
    /// A new file, with the directories that lead there, over one that an earlier run brought. Not open, and errno,
    /// when that cannot be.
    fs::Fd create_file(std::string_view path) const;
    void remove_file(std::string_view path) const;

    /// What the batch in hand came to, for commit().
    FetchedContents contents;

    /// While it lives the directory is not to be removed, unless it was told that all went well.
    class Unfinished {
      public:
        explicit Unfinished(FetchDirectory& directory) : directory_(directory) { directory_.is_kept_ = true; }
        ~Unfinished() = default;
        Unfinished(const Unfinished&) = delete;
        Unfinished& operator=(const Unfinished&) = delete;
        void done() { directory_.is_kept_ = false; }

      private:
        FetchDirectory& directory_;
    };

  private:
    bool take_over();
    void make();

    fs::Fd root_;  ///< in which it lies
    std::string name_;
    fs::Fd fd_;  ///< locked
    bool is_taken_over_ = false;
    bool is_kept_ = false;
};

}  // namespace syncline
