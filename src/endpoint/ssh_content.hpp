// TarContent: local files and symlinks as the tar stream of a commit, read and hashed on a worker while they are sent.
//
// Each goes under the number that it has in the batch, so that no name of a user's ever needs quoting. At the end come
// the files that tell the server what to do (ssh_scripts.hpp: commit_script).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "endpoint/endpoint.hpp"
#include "endpoint/ssh_means.hpp"
#include "fs/fd.hpp"
#include "fs/hash.hpp"
#include "ssh/stream.hpp"

namespace syncline {

/// One file or symlink to be sent.
struct SentItem {
    CommitItem* item = nullptr;
    enum class State : uint8_t { waiting, sent, changed, failed } state = State::waiting;
    std::string error;  ///< failed: why it could not be read
    Digest digest;      ///< of what was sent
    Stamp stamp;        ///< of what was read; racy ones are not known
};

/// Opens the local file of an item, which must be a regular one; an empty Fd and `error` when it cannot be read.
fs::Fd open_content(fs::DirectoryCache& directories, const ContentSource& content, std::string_view path,
                    std::string& error);

/// A small file of a tar stream, beside the content.
void append_control_file(std::string& out, std::string_view name, std::string_view text);

/// The mode that an item is to have on the target.
uint16_t mode_of(const CommitItem& item);

class TarContent final : public ssh::InputSource {
  public:
    struct ControlFile {
        std::string name, text;
    };

    /// `conclude` is called on the engine's thread when all items were read, and gives the files that come last.
    TarContent(ContentSource content, std::vector<SentItem>& items, std::function<std::vector<ControlFile>()> conclude,
               TransferMeans means, Progress& progress);

    Task<std::string_view> next() override;

  private:
    bool fill(std::stop_token stop);
    void begin(SentItem& sent);
    void begin_file(SentItem& sent);
    void read_some();
    void end_file();
    void append_control_files();

    ContentSource content_;
    std::vector<SentItem>& items_;
    std::function<std::vector<ControlFile>()> conclude_;
    TransferMeans means_;
    Progress& progress_;
    fs::DirectoryCache directories_;
    fs::Hasher hasher_;
    std::string buffer_;
    size_t next_item_ = 0;
    fs::Fd file_;  ///< of the item before next_item_, while it is read
    Stamp before_;
    TimeNs begun_at_ = 0;
    uint64_t rest_ = 0;
    bool is_short_ = false;  ///< the file ended early; zeros stand for the rest
    bool concluded_ = false;
};

}  // namespace syncline
