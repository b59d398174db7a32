// TarContent: local files and symlinks as the tar stream of a commit, read and hashed on a worker while they are sent.
// Each goes under its name in the stage, so that no name of a user's ever needs quoting. At the end come the files that
// tell the server what to do (ssh_scripts.hpp: commit_script). FileInput: one file to be sent by itself.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "endpoint/endpoint.hpp"
#include "endpoint/ssh_means.hpp"
#include "endpoint/ssh_stage.hpp"
#include "fs/fd.hpp"
#include "fs/hash.hpp"
#include "ssh/stream.hpp"

namespace syncline {

/// One file or symlink to be sent.
struct SentItem {
    explicit SentItem(CommitItem* sent_item);

    CommitItem* item;
    std::string name;                        ///< in the stage
    const KeptFile* kept = nullptr;          ///< what is in the stage of it already
    std::optional<uint64_t> only_of_size{};  ///< a file of another size is none of what is to be sent
    uint32_t secret_time = 0;                ///< by which the file that SFTP opens is known
    bool begins_anew = false;                ///< nothing of what is kept is of use
    bool needs_touch = false;                ///< its mode and time are not yet those of `item`
    enum class State : uint8_t { waiting, sent, changed, failed } state = State::waiting;
    std::string error;  ///< failed: why it could not be read, or sent
    bool disk_trouble = false;
    Digest digest;     ///< of what was sent
    Stamp stamp;       ///< of what was read; racy ones are not known
    TimeNs mtime = 0;  ///< of what was read
};

/// One local file that is sent by itself: opened, its beginning compared with what is kept of it, the rest sent, and in
/// the end looked at again. open() and fill() block.
class FileInput final : public ssh::InputSource {
  public:
    FileInput(ContentSource content, SentItem& sent, TransferMeans means, Progress& progress)
        : content_(content), sent_(sent), means_(means), progress_(progress) {}

    /// Says from which byte on it is to be sent. False, and the item's error is set, when it cannot be read.
    bool open();
    uint64_t offset() const { return begun_at_byte_; }
    uint64_t size() const { return before_.size; }
    Task<std::string_view> next() override;
    /// Whether all was read and the file is as it was before; sets the item's digest and stamp.
    bool finish();

  private:
    static constexpr uint64_t small_bytes = 64 << 10;

    void fill();
    bool is_kept();

    ContentSource content_;
    SentItem& sent_;
    TransferMeans means_;
    Progress& progress_;
    fs::Fd file_;
    Stamp before_;
    TimeNs opened_at_ = 0;
    uint64_t begun_at_byte_ = 0, offset_ = 0;
    std::string buffer_;
    fs::Hasher hasher_;
};

/// Whether an item's local file has holes that are worth sparing. For large files.
bool has_holes(const ContentSource& content, std::string_view path);

/// Opens the local file of an item, which must be a regular one; an empty Fd and `error` when it cannot be read.
fs::Fd open_content(fs::DirectoryCache& directories, const ContentSource& content, std::string_view path,
                    std::string& error);

/// A small file of a tar stream, beside the content.
void append_control_file(std::string& out, std::string_view name, std::string_view text);

/// The mode that an item is to have on the target.
uint16_t mode_of(const CommitItem& item);

/// Items of which each goes into one of several streams: whichever comes for the next. Any thread.
class SendQueue {
  public:
    /// They outlive the queue.
    explicit SendQueue(std::span<SentItem> items) : items_(items) {}

    /// Null when all were taken.
    SentItem* take() {
        size_t index = next_.fetch_add(1, std::memory_order_relaxed);
        return index < items_.size() ? &items_[index] : nullptr;
    }

  private:
    std::span<SentItem> items_;
    std::atomic<size_t> next_{0};
};

class TarContent final : public ssh::InputSource {
  public:
    struct ControlFile {
        std::string name, text;
    };

    using Conclude = std::function<Task<std::vector<ControlFile>>()>;

    /// `conclude` is called on the engine's thread when all items were read, and gives the files that come last; null:
    /// there are none. The queue outlives the content.
    TarContent(ContentSource content, SendQueue& queue, Conclude conclude, TransferMeans means, Progress& progress);

    Task<std::string_view> next() override;
    /// More members follow by other hands: the stream is not ended.
    void leave_open() { is_left_open_ = true; }

  private:
    bool fill(std::stop_token stop);
    void begin(SentItem& sent);
    void begin_file(SentItem& sent);
    bool is_kept(const SentItem& sent);
    void read_some();
    void end_file();
    Task<void> append_control_files();

    ContentSource content_;
    SendQueue& queue_;
    Conclude conclude_;
    TransferMeans means_;
    Progress& progress_;
    fs::DirectoryCache directories_;
    fs::Hasher hasher_;
    std::string buffer_;
    SentItem* item_ = nullptr;  ///< the last that was taken
    fs::Fd file_;               ///< its file, while it is read
    Stamp before_;
    TimeNs begun_at_ = 0;
    uint64_t rest_ = 0;
    bool is_short_ = false;  ///< the file ended early; zeros stand for the rest
    bool concluded_ = false;
    bool is_left_open_ = false;
};

}  // namespace syncline
