#include "endpoint/ssh_fetch.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <asio/this_coro.hpp>
#include <charconv>
#include <cstring>

#include "base/rel_path.hpp"
#include "endpoint/local_item.hpp"
#include "endpoint/ssh_background_sink.hpp"
#include "endpoint/ssh_scripts.hpp"

namespace syncline {
namespace {

constexpr size_t piece_bytes = 256 * 1024;
/// Of a file that is being written, so much that is zero and lies so becomes a hole.
constexpr size_t hole_bytes = 16 * 1024;

/// From a tar stream, whose members are called by numbers, to a FetchWriter.
class FetchSink final : public TarSink {
  public:
    explicit FetchSink(FetchWriter& writer) : writer_(writer) {}
    void begin(const TarMember& member) override {
        size_t index = 0;
        const char* end = member.path.data() + member.path.size();
        auto [at, error] = std::from_chars(member.path.data(), end, index);
        bool is_number = error == std::errc() && at == end;
        is_wanted_ = member.type == TarMember::Type::file && is_number && writer_.begin(index, member.size);
    }
    void data(std::string_view bytes) override {
        if (is_wanted_) writer_.data(bytes);
    }
    void end() override {
        if (is_wanted_) writer_.end();
        is_wanted_ = false;
    }

  private:
    FetchWriter& writer_;
    bool is_wanted_ = false;
};

/// A stream of which it is known how long it can be. What comes beyond that, or is malformed, ends it: a server could
/// go on for ever.
class BoundedTar {
  public:
    BoundedTar(TarSink& sink, const Tree& tree, const std::vector<FetchedFile>& files, std::string shown)
        : reader_(sink), shown_(std::move(shown)) {
        for (const FetchedFile& file : files) {
            uint64_t size = tree[file.index].stamp.size;
            rest_ += tar_block_bytes + size + tar_padding(size);
        }
    }

    void feed(std::string_view bytes) {
        if (bytes.size() > rest_)
            throw Error(Errc::failed, shown_ + ": reading files: the server sends more than was asked for");
        rest_ -= bytes.size();
        reader_.feed(bytes);
        if (!reader_.error().empty())
            throw Error(Errc::failed, shown_ + ": reading files: the tar stream is malformed: " + reader_.error());
    }
    bool is_whole() const { return reader_.is_whole(); }

  private:
    static constexpr uint64_t slack_bytes = uint64_t{1} << 20;

    TarReader reader_;
    std::string shown_;
    uint64_t rest_ = slack_bytes;
};

bool is_all_zero(std::string_view bytes) {
    return bytes.front() == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

}  // namespace

bool FetchWriter::fail(const std::string& what, int error_number) {
    if (!concerns_one_file(error_number)) throw errno_error(what, tree_.path(current_->index), error_number);
    current_->error = "cannot " + what + " it here: " + errno_text(error_number);
    return false;
}

bool FetchWriter::begin(size_t index, uint64_t size) {
    if (index < next_ || index >= files_.size() || tree_[files_[index].index].stamp.size != size) return false;
    next_ = index + 1;
    current_ = &files_[index];
    std::string_view path = tree_.path(current_->index);
    int parent = open_parent(parent_path(path));
    if (parent < 0) return fail("create the directory of", errno);
    file_ = create_over_leftover(parent, std::string(last_name(path)));
    if (!file_) return fail("create", errno);
    written_ = 0;
    ends_in_hole_ = false;
    hasher_.finish();  // what reopen() began
    return true;
}

std::optional<Digest> FetchWriter::reopen() {
    current_ = &files_.front();
    std::string_view path = tree_.path(current_->index);
    int parent = open_parent(parent_path(path));
    if (parent < 0) return std::nullopt;
    std::string name(last_name(path)), fresh = new_temporary_name();
    fs::Fd kept(::openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    file_ = fs::Fd(::openat(parent, fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    written_ = 0;
    ends_in_hole_ = false;
    bool is_copied =
        kept && file_ && copy_kept(kept.get()) && ::renameat(parent, fresh.c_str(), parent, name.c_str()) == 0;
    if (is_copied) return hasher_.so_far();
    ::unlinkat(parent, fresh.c_str(), 0);
    return std::nullopt;
}

/// Nobody else can have the new inode open.
bool FetchWriter::copy_kept(int kept) {
    std::vector<char> buffer(piece_bytes);
    while (written_ < current_->kept_bytes) {
        size_t wanted = static_cast<size_t>(std::min<uint64_t>(buffer.size(), current_->kept_bytes - written_));
        ssize_t count = ::read(kept, buffer.data(), wanted);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        write({buffer.data(), static_cast<size_t>(count)});
        if (!current_->error.empty()) return false;
    }
    return true;
}

void FetchWriter::data(std::string_view bytes) {
    progress_.bytes_done += bytes.size();
    if (current_->error.empty()) write(bytes);
}

/// All that is neither zero nor shorter than a hole, each run of it at once.
void FetchWriter::write(std::string_view bytes) {
    hasher_.update(std::as_bytes(std::span(bytes)));
    uint64_t begin = written_;
    size_t waiting = 0;  // bytes at the front that are to be written
    while (waiting < bytes.size()) {
        size_t next = static_cast<size_t>(hole_bytes - (begin + waiting) % hole_bytes);
        std::string_view piece = bytes.substr(waiting, next);
        bool is_hole = is_all_zero(piece);  // at an edge it may be shorter
        waiting += piece.size();
        ends_in_hole_ = is_hole;
        if (!is_hole) continue;
        write_all(bytes.substr(0, waiting - piece.size()), begin);
        begin += waiting;
        bytes.remove_prefix(waiting);
        waiting = 0;
    }
    write_all(bytes, begin);
    written_ = begin + bytes.size();
}

void FetchWriter::write_all(std::string_view bytes, uint64_t offset) {
    while (!bytes.empty()) {
        ssize_t count = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) {
            fail("write", errno);
            return;
        }
        bytes.remove_prefix(static_cast<size_t>(count));
        offset += static_cast<uint64_t>(count);
    }
}

void FetchWriter::end() {
    const Stamp& listed = tree_[current_->index].stamp;
    if (ends_in_hole_ && ::ftruncate(file_.get(), static_cast<off_t>(written_)) != 0) fail("write", errno);
    TimeNs rest = ((listed.mtime % ns_per_second) + ns_per_second) % ns_per_second;
    timespec times[2] = {{0, UTIME_OMIT},
                         {static_cast<time_t>((listed.mtime - rest) / ns_per_second), static_cast<long>(rest)}};
    ::futimens(file_.get(), times);
    file_.close();
    current_->digest = hasher_.finish();
    current_->arrived = written_ == listed.size && current_->error.empty();
    current_ = nullptr;
}

int FetchWriter::open_parent(std::string_view path) {
    if (has_parent_ && parent_path_ == path) return parent_.get();
    parent_ = make_directories(directory_, path);
    parent_path_ = path;
    has_parent_ = static_cast<bool>(parent_);
    return parent_.get();
}

namespace {

Task<void> receive_tar(RemotePlace place, std::string records, BoundedTar& stream, BackgroundSink& sink,
                       Nursery& nursery) {
    sink.work_in(nursery);
    ssh::StringInput input(std::move(records));
    std::string script = give_tar_script(place.root);
    ssh::ScriptResult result = co_await place.shell->run(std::move(script), &input, sink);
    co_await sink.finish();
    bool is_gone = result.exit.status == 41;
    if (stream.is_whole() && !is_gone) co_return;
    throw Error(Errc::failed, place.shown + ": reading files: " + result.why());
}

Task<void> receive_range(ssh::Sftp& sftp, ssh::SftpHandle handle, uint64_t offset, uint64_t size, BackgroundSink& sink,
                         Nursery& nursery) {
    sink.work_in(nursery);
    co_await sftp.read_range(std::move(handle), offset, size, sink);
    co_await sink.finish();
}

}  // namespace

Task<void> fetch_by_tar(RemotePlace place, const Tree& tree, std::vector<FetchedFile>& files, int directory,
                        TransferMeans means, Progress& progress) {
    std::string records;
    for (size_t i = 0; i < files.size(); ++i)
        records += read_record(i, tree[files[i].index].stamp.inode, tree.path(files[i].index));
    FetchWriter writer(directory, tree, files, progress);
    FetchSink members(writer);
    BoundedTar stream(members, tree, files, place.shown);
    auto executor = co_await asio::this_coro::executor;
    auto feed = [&stream](std::string_view bytes) { stream.feed(bytes); };
    BackgroundSink sink(executor, means, feed);
    auto body = [&](Nursery& nursery) { return receive_tar(place, records, stream, sink, nursery); };
    co_await with_nursery(body);
}

bool is_same_file(const ssh::SftpAttributes& one, const ssh::SftpAttributes& other) {
    return one.mode == other.mode && one.size == other.size && one.uid == other.uid && one.gid == other.gid &&
           one.modification_time == other.modification_time;
}

Task<void> fetch_by_sftp(ssh::Sftp& sftp, std::string path, const Tree& tree, FetchedFile& file, int directory,
                         TransferMeans means, Progress& progress) {
    ssh::SftpReply<ssh::SftpHandle> handle = co_await sftp.open(path, ssh::sftp_open::read, ssh::SftpAttributes());
    if (!handle.ok()) co_return;
    std::vector<FetchedFile> one{file};
    FetchWriter writer(directory, tree, one, progress);
    uint64_t size = tree[file.index].stamp.size;
    auto open = [&](std::stop_token) {
        bool goes_on = file.kept && file.kept_bytes > 0 && writer.reopen() == file.kept;
        if (!goes_on) one.front().kept_bytes = 0;
        return goes_on || writer.begin(0, size);
    };
    bool is_open = true;
    if (file.seen) {
        ssh::SftpReply<ssh::SftpAttributes> opened = co_await sftp.fstat(handle.value);
        is_open = opened.ok() && opened.value.is_regular() && is_same_file(*file.seen, opened.value);
        if (!is_open) one.front().error = "was replaced on the server since it was listed";
    }
    bool is_small = size <= piece_bytes && file.kept_bytes == 0;
    if (is_open && is_small) {
        is_open = open({});  // sooner done than a thread wakes up
    } else if (is_open) {
        is_open = co_await offload(means.workers, open);
    }
    uint64_t offset = one.front().kept_bytes;
    auto executor = co_await asio::this_coro::executor;
    auto write = [&writer](std::string_view bytes) { writer.data(bytes); };
    BackgroundSink sink(executor, means, write);
    auto body = [&](Nursery& nursery) {
        return receive_range(sftp, handle.value, offset, size - offset, sink, nursery);
    };
    if (is_open) co_await with_nursery(body);
    co_await sftp.close(handle.value);
    if (is_open) writer.end();
    file = one.front();
}

}  // namespace syncline
