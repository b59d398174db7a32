// Sftp: SFTP version 3 (draft-ietf-secsh-filexfer-02) over a channel, with many requests in flight. Engine's thread
// only; dies before its session.
//
// Any number of coroutines may call it at a time: each request carries a number, requests that come together travel in
// one packet, and whoever waits for a reply reads those of the others too. So a batch is fast when its files are
// coroutines of one nursery; a semaphore of its own keeps the requests in flight bounded.
//
// What the server says about one path is a Status; what ends the channel is an SshError. Paths and names are bytes; the
// server is not trusted: see list_directory.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/nursery.hpp"
#include "async/semaphore.hpp"
#include "async/task.hpp"
#include "ssh/channel.hpp"
#include "ssh/session.hpp"
#include "ssh/sftp_packet.hpp"
#include "ssh/stream.hpp"

namespace syncline::ssh {

/// What a request came to. `code` is SFTP's: 0 is success.
struct SftpStatus {
    uint32_t code = 0;
    std::string message;  ///< of the server

    bool ok() const { return code == 0; }
    bool not_found() const { return code == 2; }
    bool denied() const { return code == 3; }
    bool unsupported() const { return code == 8; }
    /// "no such file", "permission denied"; the server's own words for other codes, escaped.
    std::string why() const;
};

template <class T>
struct SftpReply {
    SftpStatus status;
    T value{};
    bool ok() const { return status.ok(); }
};

/// Of an open file or directory on the server.
struct SftpHandle {
    std::string bytes;
};

struct SftpName {
    std::string name;  ///< one component: never empty, `.`, `..`, or with `/` or NUL in it
    SftpAttributes attributes;
};

/// statvfs@openssh.com, in bytes and inodes.
struct SftpSpace {
    uint64_t total_bytes = 0, available_bytes = 0, total_inodes = 0, available_inodes = 0;
    uint64_t file_system_id = 0;
    bool read_only = false;
};

/// Bits for open(): as the draft's SSH_FXF_*.
namespace sftp_open {
constexpr uint32_t read = 1, write = 2, append = 4, create = 8, truncate = 16, exclusive = 32;
}

class Sftp {
  public:
    /// Starts the subsystem on a channel of its own. Throws SshError (no_sftp).
    static Task<std::unique_ptr<Sftp>> start(Session& session);
    ~Sftp();
    Sftp(const Sftp&) = delete;
    Sftp& operator=(const Sftp&) = delete;

    /// False once the channel has failed; everything throws then.
    /// Whether nobody waits for an answer.
    bool is_idle() const { return waiters_.empty(); }
    bool usable() const { return broken_.empty() && session_.usable(); }

    // What the server offered when the channel began.
    bool has_posix_rename() const { return extensions_.count("posix-rename@openssh.com") > 0; }
    bool has_fsync() const { return extensions_.count("fsync@openssh.com") > 0; }
    bool has_statvfs() const { return extensions_.count("statvfs@openssh.com") > 0; }
    bool has_copy_data() const { return extensions_.count("copy-data") > 0; }
    bool has_hardlink() const { return extensions_.count("hardlink@openssh.com") > 0; }
    /// Bytes that one read or write may carry.
    uint32_t max_read_bytes() const { return max_read_bytes_; }
    uint32_t max_write_bytes() const { return max_write_bytes_; }

    Task<SftpReply<SftpAttributes>> lstat(std::string path);
    Task<SftpReply<SftpAttributes>> stat(std::string path);
    Task<SftpReply<std::string>> readlink(std::string path);
    Task<SftpReply<std::string>> realpath(std::string path);
    Task<SftpReply<SftpSpace>> statvfs(std::string path);
    /// SFTP 3 has one word for most of what goes wrong. `status` of a write at `path`, with what the disk says of
    /// itself where that is full or read-only.
    Task<SftpStatus> explain(SftpStatus status, std::string path);

    Task<SftpStatus> mkdir(std::string path, uint32_t mode);
    Task<SftpStatus> rmdir(std::string path);
    Task<SftpStatus> remove(std::string path);
    /// Atomic over an existing file where the server has posix-rename; elsewhere it fails over one.
    Task<SftpStatus> rename(std::string from, std::string to);
    Task<SftpStatus> symlink(std::string link, std::string to);
    Task<SftpStatus> setstat(std::string path, SftpAttributes attributes);

    Task<SftpReply<SftpHandle>> open(std::string path, uint32_t flags, SftpAttributes attributes);
    Task<SftpReply<SftpAttributes>> fstat(SftpHandle handle);
    Task<SftpStatus> fsetstat(SftpHandle handle, SftpAttributes attributes);
    Task<SftpStatus> fsync(SftpHandle handle);
    /// The first `size` bytes of one open file to the start of another, on the server. Only with has_copy_data().
    Task<SftpStatus> copy_data(SftpHandle from, uint64_t size, SftpHandle to);
    Task<SftpStatus> close(SftpHandle handle);

    /// One read of up to max_read_bytes(); shorter than asked is allowed, empty is the end of the file.
    Task<SftpReply<std::string>> read(SftpHandle handle, uint64_t offset, uint32_t size);
    /// One write of up to max_write_bytes().
    Task<SftpStatus> write(SftpHandle handle, uint64_t offset, std::string_view bytes);

    /// The whole range in order, many reads in flight. Ends early at the end of the file: the value is how much came.
    Task<SftpReply<uint64_t>> read_range(SftpHandle handle, uint64_t offset, uint64_t size, OutputSink& output);
    /// All of `input` from `offset` on, many writes in flight; the value is how much was written and acknowledged, from
    /// `offset` on without a gap. With `leaves_holes`, for a file that is empty from `offset` on, zeros are not sent.
    Task<SftpReply<uint64_t>> write_range(SftpHandle handle, uint64_t offset, InputSource& input,
                                          bool leaves_holes = false);

    /// A whole directory, `.` and `..` left out. Throws SshError (protocol) for names that no directory can hold, and
    /// (limit) past `max_entries`. `told` hears of each name at once, and may throw. The status is of the opendir or
    /// the readdir that failed; the value is what came before that.
    Task<SftpReply<std::vector<SftpName>>> list_directory(std::string path, size_t max_entries,
                                                          std::function<void(const SftpName&)> told = {});

  private:
    struct Waiter;
    struct Unfinished;
    struct Download;
    struct Upload;

    Sftp(Session& session, std::unique_ptr<Channel> channel, asio::any_io_executor executor);
    Task<void> greet();
    Task<void> ask_limits();

    SftpWriter begin(uint8_t type, uint32_t& id);
    Task<SftpPacket> request(std::string packet, uint32_t id);
    Task<SftpStatus> status_request(std::string packet, uint32_t id);
    Task<SftpReply<SftpAttributes>> attributes_request(std::string packet, uint32_t id);
    Task<SftpReply<std::string>> name_request(std::string packet, uint32_t id);
    Task<SftpReply<SftpHandle>> handle_request(std::string packet, uint32_t id);
    Task<SftpReply<std::vector<SftpName>>> read_names(SftpHandle handle);
    Task<void> read_slot(Download& download, size_t slot);
    Task<void> download_all(Nursery& nursery, Download& download);
    Task<void> write_slot(Upload& upload, Semaphore::Permit place, uint64_t offset, std::string packet, uint32_t id);
    Task<void> start_write(Nursery& nursery, Upload& upload, uint64_t offset, std::string_view bytes);
    Task<void> upload_all(Nursery& nursery, Upload& upload);

    Task<void> flush();
    Task<void> wait_for(Waiter& own);
    Task<void> read_some();
    void take_packets();
    void deliver(SftpPacket packet);
    void wake_somebody();
    void check_usable() const;
    SftpStatus status_of(const SftpPacket& packet);
    void expect_reply(bool as_expected);
    /// What it means that the server's program has ended: one that never said a word is none.
    Failure ended() const { return greeted_ ? Failure::lost : Failure::no_sftp; }
    [[noreturn]] void fail(Failure kind, const std::string& what);

    Session& session_;
    asio::any_io_executor executor_;
    std::unique_ptr<Channel> channel_;
    Semaphore in_flight_;
    std::map<std::string, std::string> extensions_;
    uint32_t max_read_bytes_ = 32 * 1024;
    uint32_t max_write_bytes_ = 32 * 1024;

    uint32_t next_id_ = 1;
    std::map<uint32_t, Waiter*> waiters_;  ///< null: whoever asked was cancelled, the reply is dropped
    bool reading_ = false;                 ///< somebody reads the channel, for all
    bool flushing_ = false;                ///< somebody writes to it, for all
    bool greeted_ = false;                 ///< the version is known; replies follow
    std::string outgoing_;
    std::vector<char> incoming_;
    size_t incoming_begin_ = 0;
    size_t incoming_end_ = 0;
    SteadyTime last_packet_at_{};
    std::optional<SteadyTime> partial_since_;  ///< when the packet began that has not come whole
    std::string errors_;                       ///< what the server's sftp program said on its stderr, the end of it
    std::string broken_;                       ///< why it cannot be used any more
};

}  // namespace syncline::ssh
