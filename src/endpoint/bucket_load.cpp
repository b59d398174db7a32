#include "endpoint/bucket_load.hpp"

#include "base/rel_path.hpp"
#include "endpoint/bucket_sums.hpp"
#include "endpoint/ssh_content.hpp"

namespace syncline {
namespace {

constexpr size_t files_at_a_time = 64;
constexpr uint64_t bytes_at_a_time = uint64_t{8} << 20;
constexpr int read_attempts = 3;

}  // namespace

ContentLoader::ContentLoader(const asio::any_io_executor& executor, WorkerPool& workers, ContentSource content,
                             std::vector<CommitItem*> items)
    : workers_(workers),
      content_(content),
      items_(std::move(items)),
      one_at_a_time_(executor, 1),
      directories_(content.root, content.follow_symlinks ? fs::Links::follow : fs::Links::refuse) {}

Task<std::unique_ptr<LoadedFile>> ContentLoader::next() {
    auto turn = one_at_a_time_.acquire();
    Semaphore::Permit permit = co_await std::move(turn);
    if (loaded_.empty()) {
        auto work = [this](std::stop_token) { fill(); };
        co_await offload(workers_, work);
    }
    if (loaded_.empty()) co_return nullptr;
    std::unique_ptr<LoadedFile> file = std::move(loaded_.front());
    loaded_.pop_front();
    co_return file;
}

void ContentLoader::fill() {
    uint64_t bytes = 0;
    while (next_item_ < items_.size() && loaded_.size() < files_at_a_time && bytes < bytes_at_a_time) {
        loaded_.push_back(load(*items_[next_item_++]));
        bytes += loaded_.back()->bytes.size();
    }
}

std::unique_ptr<LoadedFile> ContentLoader::load(CommitItem& item) {
    auto file = std::make_unique<LoadedFile>();
    file->item = &item;
    fs::Fd descriptor = open_content(directories_, content_, item.path, item.error);
    if (!descriptor) return file;
    try {
        for (int attempt = 0; attempt < read_attempts && !file->is_read; ++attempt) {
            file->is_read = read(*file, descriptor.get());
        }
    } catch (const Error& error) {
        item.error = error.what();
    }
    if (!file->is_read && item.error.empty())
        item.error = "changes while it is read; it will be tried again at the next run";
    return file;
}

/// False when it changed meanwhile.
bool ContentLoader::read(LoadedFile& file, int descriptor) {
    Entry before, after;
    if (!fs::read_entry(descriptor, "", before)) throw errno_error("read", file.item->path, errno);
    TimeNs started_at = wall_clock_now();
    file.bytes = read_piece(descriptor, 0, before.stamp.size + 1);
    if (!fs::read_entry(descriptor, "", after)) throw errno_error("read", file.item->path, errno);
    if (before.stamp != after.stamp || file.bytes.size() != before.stamp.size) return false;
    file.sha256 = sha256_of(file.bytes);
    file.md5 = md5_text(file.bytes);
    bool racy = is_racy(before.stamp, started_at);
    // A write that began before the first look shows in no stamp: a file as young as that is read twice.
    if (racy && read_piece(descriptor, 0, before.stamp.size) != file.bytes) return false;
    file.stamp = racy ? Stamp{} : before.stamp;
    file.stamp.size = before.stamp.size;
    file.mtime = before.stamp.mtime;
    return true;
}

}  // namespace syncline
