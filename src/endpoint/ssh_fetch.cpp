#include "endpoint/ssh_fetch.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <asio/this_coro.hpp>

#include "base/rel_path.hpp"
#include "endpoint/ssh_background_sink.hpp"
#include "endpoint/ssh_scripts.hpp"

namespace syncline {
namespace {

constexpr size_t piece_bytes = 256 * 1024;

/// From a tar stream to a FetchWriter.
class FetchSink final : public TarSink {
  public:
    explicit FetchSink(FetchWriter& writer) : writer_(writer) {}
    void begin(const TarMember& member) override {
        std::string_view path = member.path;
        if (path.starts_with("./")) path.remove_prefix(2);
        is_wanted_ = member.type == TarMember::Type::file && writer_.begin(path, member.size);
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

}  // namespace

bool FetchWriter::begin(std::string_view path, uint64_t size) {
    size_t at = next_;
    while (at < files_.size() && tree_.path(files_[at].index) != path) ++at;
    if (at == files_.size() || tree_[files_[at].index].stamp.size != size) return false;
    next_ = at + 1;
    int parent = open_parent(parent_path(path));
    std::string name(last_name(path));
    if (parent >= 0) ::unlinkat(parent, name.c_str(), 0);  // of an earlier run
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    file_ = fs::Fd(parent < 0 ? -1 : ::openat(parent, name.c_str(), flags, 0600));
    if (!file_) throw errno_error("create the file", path, errno);
    current_ = &files_[at];
    written_ = 0;
    hasher_.finish();  // what reopen() began
    return true;
}

Digest FetchWriter::reopen() {
    current_ = &files_.front();
    std::string_view path = tree_.path(current_->index);
    int parent = open_parent(parent_path(path));
    std::string name(last_name(path));
    file_ = fs::Fd(parent < 0 ? -1 : ::openat(parent, name.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
    if (!file_) throw errno_error("open the file", path, errno);
    std::vector<std::byte> buffer(piece_bytes);
    for (written_ = 0; written_ < current_->kept_bytes;) {
        size_t wanted = static_cast<size_t>(std::min<uint64_t>(buffer.size(), current_->kept_bytes - written_));
        ssize_t count = ::read(file_.get(), buffer.data(), wanted);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) throw errno_error("read", path, count < 0 ? errno : EIO);
        hasher_.update(std::span(buffer).first(static_cast<size_t>(count)));
        written_ += static_cast<uint64_t>(count);
    }
    return hasher_.so_far();
}

void FetchWriter::data(std::string_view bytes) {
    hasher_.update(std::as_bytes(std::span(bytes)));
    written_ += bytes.size();
    progress_.bytes_done += bytes.size();
    while (!bytes.empty()) {
        ssize_t count = ::write(file_.get(), bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw errno_error("write", tree_.path(current_->index), errno);
        bytes.remove_prefix(static_cast<size_t>(count));
    }
}

void FetchWriter::end() {
    const Stamp& listed = tree_[current_->index].stamp;
    TimeNs rest = ((listed.mtime % ns_per_second) + ns_per_second) % ns_per_second;
    timespec times[2] = {{0, UTIME_OMIT},
                         {static_cast<time_t>((listed.mtime - rest) / ns_per_second), static_cast<long>(rest)}};
    ::futimens(file_.get(), times);
    file_.close();
    current_->digest = hasher_.finish();
    current_->arrived = written_ == listed.size;
    current_ = nullptr;
}

int FetchWriter::open_parent(std::string_view path) {
    if (has_parent_ && parent_path_ == path) return parent_.get();
    for (size_t slash = path.find('/'); !path.empty(); slash = path.find('/', slash + 1)) {
        std::string part(path.substr(0, slash));
        if (::mkdirat(directory_, part.c_str(), 0700) != 0 && errno != EEXIST && errno != ENAMETOOLONG) return -1;
        if (slash == std::string_view::npos) break;
    }
    parent_ = fs::open_directory(directory_, path);
    parent_path_ = path;
    has_parent_ = static_cast<bool>(parent_);
    return parent_.get();
}

namespace {

Task<void> receive_tar(RemotePlace place, std::string paths, TarReader& reader, BackgroundSink& sink,
                       Nursery& nursery) {
    sink.work_in(nursery);
    ssh::StringInput input(std::move(paths));
    std::string script = give_tar_script(place.root);
    ssh::ScriptResult result = co_await place.shell->run(std::move(script), &input, sink);
    co_await sink.finish();
    bool is_gone = result.exit.status == 41;
    if (reader.is_whole() && !is_gone) co_return;
    std::string why = reader.error().empty() ? result.why() : "the tar stream is malformed: " + reader.error();
    throw Error(Errc::failed, place.shown + ": reading files: " + why);
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
    std::string paths;
    for (const FetchedFile& file : files) paths.append("./").append(tree.path(file.index)).append(1, '\0');
    FetchWriter writer(directory, tree, files, progress);
    FetchSink members(writer);
    TarReader reader(members);
    auto executor = co_await asio::this_coro::executor;
    auto feed = [&reader](std::string_view bytes) { reader.feed(bytes); };
    BackgroundSink sink(executor, means, feed);
    auto body = [&](Nursery& nursery) { return receive_tar(place, paths, reader, sink, nursery); };
    co_await with_nursery(body);
}

Task<void> fetch_by_sftp(ssh::Sftp& sftp, std::string path, const Tree& tree, FetchedFile& file, int directory,
                         TransferMeans means, Progress& progress) {
    ssh::SftpReply<ssh::SftpHandle> handle = co_await sftp.open(path, ssh::sftp_open::read, ssh::SftpAttributes());
    if (!handle.ok()) co_return;
    std::vector<FetchedFile> one{file};
    FetchWriter writer(directory, tree, one, progress);
    uint64_t size = tree[file.index].stamp.size;
    auto open = [&](std::stop_token) {
        bool goes_on = file.kept && file.kept_bytes > 0 && writer.reopen() == *file.kept;
        if (!goes_on) one.front().kept_bytes = 0;
        return goes_on || writer.begin(tree.path(file.index), size);
    };
    bool is_open = false;
    bool is_small = size <= piece_bytes && file.kept_bytes == 0;
    if (is_small) {
        is_open = open({});  // sooner done than a thread wakes up
    } else {
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
    if (!is_open) co_return;
    writer.end();
    file = one.front();
}

}  // namespace syncline
