#include "endpoint/ssh_fetch.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/rel_path.hpp"
#include "endpoint/local_item.hpp"
#include "endpoint/ssh_scripts.hpp"

namespace syncline {
namespace {

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

/// Hands a script's output to a reader, on a worker.
class ReaderSink final : public ssh::OutputSink {
  public:
    ReaderSink(TarReader& reader, WorkerPool& workers) : reader_(reader), workers_(workers) {}
    Task<void> take(std::string_view bytes) override {
        auto work = [this, bytes](std::stop_token) { reader_.feed(bytes); };
        co_await offload(workers_, work);
    }

  private:
    TarReader& reader_;
    WorkerPool& workers_;
};

}  // namespace

void FetchDirectory::make(const std::string& local_root) {
    remove();
    path_ = local_root + "/" + new_temporary_name();
    if (::mkdir(path_.c_str(), 0700) != 0) throw errno_error("create the directory", path_, errno);
    fd_ = fs::Fd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd_) throw errno_error("open the directory", path_, errno);
}

void FetchDirectory::remove() {
    if (path_.empty()) return;
    fd_.close();
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
    path_.clear();
}

bool FetchWriter::begin(std::string_view path, uint64_t size) {
    size_t at = next_;
    while (at < files_.size() && tree_.path(files_[at].index) != path) ++at;
    if (at == files_.size() || tree_[files_[at].index].stamp.size != size) return false;
    next_ = at + 1;
    int parent = open_parent(parent_path(path));
    std::string name(last_name(path));
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    file_ = fs::Fd(parent < 0 ? -1 : ::openat(parent, name.c_str(), flags, 0600));
    if (!file_) throw errno_error("create the file", path, errno);
    current_ = &files_[at];
    written_ = 0;
    return true;
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
    constexpr TimeNs second = 1'000'000'000;
    TimeNs rest = ((listed.mtime % second) + second) % second;
    timespec times[2] = {{0, UTIME_OMIT},
                         {static_cast<time_t>((listed.mtime - rest) / second), static_cast<long>(rest)}};
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

Task<void> fetch_by_tar(RemotePlace place, const Tree& tree, std::vector<FetchedFile>& files, int directory,
                        WorkerPool& workers, Progress& progress) {
    std::string paths;
    for (const FetchedFile& file : files) paths.append("./").append(tree.path(file.index)).append(1, '\0');
    FetchWriter writer(directory, tree, files, progress);
    FetchSink members(writer);
    TarReader reader(members);
    ReaderSink sink(reader, workers);
    ssh::StringInput input(std::move(paths));
    std::string script = give_tar_script(place.root);
    ssh::ScriptResult result = co_await place.shell->run(std::move(script), &input, sink);
    bool is_gone = result.exit.status == 41;
    if (reader.is_whole() && !is_gone) co_return;
    std::string why = reader.error().empty() ? result.why() : "the tar stream is malformed: " + reader.error();
    throw Error(Errc::failed, place.shown + ": reading files: " + why);
}

}  // namespace syncline
