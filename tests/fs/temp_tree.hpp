// TempTree: a directory of its own for a test, gone afterwards; and in_child(), for what would change the whole test
// process.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "fs/fd.hpp"

namespace syncline::test {

class TempTree {
  public:
    enum class Where { disk, memory };

    /// `memory`: on tmpfs where there is one, for trees of many entries.
    explicit TempTree(Where where = Where::disk);
    ~TempTree();
    TempTree(const TempTree&) = delete;
    TempTree& operator=(const TempTree&) = delete;

    int fd() const { return root_.get(); }
    const std::string& path() const { return path_; }
    std::string path(std::string_view relative) const { return path_ + "/" + std::string(relative); }

    /// Parents are made as needed; the mode of a directory is 0755 at first.
    void make_directory(const std::string& relative);
    void write(const std::string& relative, std::string_view content);
    void link(const std::string& relative, const std::string& target);
    void make_fifo(const std::string& relative);
    void make_socket(const std::string& relative);
    /// Directories below one another, by descriptors, so that the path may be of any length. The path of the last one.
    std::string make_deep(const std::string& name, int depth);

    /// Empty when there is no such file.
    std::string read(const std::string& relative) const;
    Stamp stamp(const std::string& relative) const;

  private:
    std::string path_;
    fs::Fd root_;
};

/// Runs `body` in a child process, which may change limits, user and namespaces. "" when it went well, else what it
/// threw or how it died; dies of SIGALRM after `deadline`.
std::string in_child(const std::function<void()>& body, std::chrono::seconds deadline = std::chrono::seconds(60));

/// Throws when it does not hold: for use within in_child().
void require(bool holds, const std::string& what);

/// Becomes nobody (65534). False when this process may not, as it is not root.
bool drop_privileges();

}  // namespace syncline::test
