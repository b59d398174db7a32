#include "endpoint/ssh_content.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/rel_path.hpp"
#include "core/baseline.hpp"
#include "endpoint/ssh_tar.hpp"

namespace syncline {
namespace {

constexpr size_t read_bytes = size_t{1} << 20;

/// Hashes the first `bytes` of a file; false when it has fewer.
bool hash_prefix(int file, uint64_t bytes, fs::Hasher& hasher) {
    std::string buffer;
    for (uint64_t offset = 0; offset < bytes; offset += buffer.size()) {
        buffer.resize(static_cast<size_t>(std::min<uint64_t>(bytes - offset, read_bytes)));
        ssize_t got = ::pread(file, buffer.data(), buffer.size(), static_cast<off_t>(offset));
        buffer.resize(got > 0 ? static_cast<size_t>(got) : 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        hasher.update(std::as_bytes(std::span(buffer)));
    }
    return true;
}

}  // namespace

SentItem::SentItem(CommitItem* sent_item) : item(sent_item), name(staged_name(sent_item->path)) {}

bool FileInput::open() {
    fs::DirectoryCache directories(content_.root, content_.follow_symlinks ? fs::Links::follow : fs::Links::refuse);
    file_ = open_content(directories, content_, sent_.item->path, sent_.error);
    Entry entry;
    if (!file_ || !fs::read_entry(file_.get(), "", entry)) {
        if (sent_.error.empty()) sent_.error = "cannot read the source: " + errno_text(errno);
        sent_.state = SentItem::State::failed;
        return false;
    }
    before_ = entry.stamp;
    opened_at_ = wall_clock_now();
    begun_at_byte_ = is_kept() ? sent_.kept->size : 0;
    offset_ = begun_at_byte_;
    if (begun_at_byte_ == 0) hasher_.finish();
    progress_.bytes_done += begun_at_byte_;
    return true;
}

bool FileInput::is_kept() {
    return sent_.kept != nullptr && sent_.kept->size <= before_.size &&
           hash_prefix(file_.get(), sent_.kept->size, hasher_) &&
           (!sent_.kept->digest || hasher_.so_far() == *sent_.kept->digest);
}

Task<std::string_view> FileInput::next() {
    auto work = [this](std::stop_token) { fill(); };
    if (before_.size - offset_ <= small_bytes) {
        fill();  // what is in the page cache is read sooner than a thread wakes up
    } else {
        co_await offload(means_.workers, work);
    }
    co_await means_.take_share(buffer_.size());
    progress_.bytes_done += buffer_.size();
    co_return std::string_view(buffer_);
}

void FileInput::fill() {
    buffer_.resize(static_cast<size_t>(std::min<uint64_t>(before_.size - offset_, read_bytes)));
    ssize_t got =
        buffer_.empty() ? 0 : ::pread(file_.get(), buffer_.data(), buffer_.size(), static_cast<off_t>(offset_));
    buffer_.resize(got > 0 ? static_cast<size_t>(got) : 0);
    hasher_.update(std::as_bytes(std::span(buffer_)));
    offset_ += buffer_.size();
}

bool has_holes(const ContentSource& content, std::string_view path) {
    constexpr uint64_t block = 512, worth_it = 64 << 10;
    fs::DirectoryCache directories(content.root, content.follow_symlinks ? fs::Links::follow : fs::Links::refuse);
    std::string error;
    fs::Fd file = open_content(directories, content, path, error);
    struct stat status{};
    if (!file || ::fstat(file.get(), &status) != 0) return false;
    auto size = static_cast<uint64_t>(status.st_size);
    // Compressed files take fewer blocks too.
    bool may_have = static_cast<uint64_t>(status.st_blocks) * block + worth_it <= size;
    return may_have && ::lseek(file.get(), 0, SEEK_HOLE) < status.st_size;
}

bool FileInput::finish() {
    Entry after;
    bool is_same = offset_ == before_.size && fs::read_entry(file_.get(), "", after) && after.stamp == before_;
    sent_.digest = hasher_.finish();
    sent_.stamp = is_racy(before_, opened_at_) ? Stamp{} : before_;
    sent_.stamp.size = before_.size;
    sent_.mtime = before_.mtime;
    file_.close();
    return is_same;
}

fs::Fd open_content(fs::DirectoryCache& directories, const ContentSource& content, std::string_view path,
                    std::string& error) {
    int directory = directories.open(parent_path(path));
    std::string name(last_name(path));
    int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (content.follow_symlinks ? 0 : O_NOFOLLOW);
    fs::Fd file(directory < 0 ? -1 : ::openat(directory, name.c_str(), flags));
    Entry entry;
    if (!file || !fs::read_entry(file.get(), "", entry)) {
        error = "cannot read the source: " + errno_text(errno);
        return {};
    }
    if (entry.kind != Kind::file) {
        error = "the source is no file any more, but a " + std::string(kind_name(entry.kind));
        return {};
    }
    return file;
}

void append_control_file(std::string& out, std::string_view name, std::string_view text) {
    TarMember member;
    member.path = name;
    member.size = text.size();
    append_tar_header(out, member);
    out.append(text).append(tar_padding(text.size()), '\0');
}

uint16_t mode_of(const CommitItem& item) {
    bool keeps_mode = item.keep_existing_mode && item.expected != nullptr && item.expected->kind == Kind::file;
    return keeps_mode ? item.expected->mode & 0777 : item.mode;
}

TarContent::TarContent(ContentSource content, SendQueue& queue, Conclude conclude, TransferMeans means,
                       Progress& progress)
    : content_(content),
      queue_(queue),
      conclude_(std::move(conclude)),
      means_(means),
      progress_(progress),
      directories_(content.root, content.follow_symlinks ? fs::Links::follow : fs::Links::refuse) {}

Task<std::string_view> TarContent::next() {
    buffer_.clear();
    if (concluded_) co_return std::string_view();
    auto work = [this](std::stop_token stop) { return fill(std::move(stop)); };
    bool has_more = co_await offload(means_.workers, work);
    if (!has_more) co_await append_control_files();
    co_await means_.take_share(buffer_.size());
    co_return std::string_view(buffer_);
}

/// Appends about a piece. False when all items were read.
bool TarContent::fill(std::stop_token stop) {
    while (buffer_.size() < read_bytes) {
        if (stop.stop_requested()) throw Cancelled();
        if (file_) {
            read_some();
        } else {
            item_ = queue_.take();
            if (item_ == nullptr) return false;
            if (item_->state == SentItem::State::waiting) begin(*item_);
        }
    }
    return true;
}

void TarContent::begin(SentItem& sent) {
    if (sent.item->op == Op::put) return begin_file(sent);
    TarMember member;
    member.type = TarMember::Type::symlink;
    member.path = sent.name;
    member.link = sent.item->link;
    member.mode = 0777;
    member.mtime = sent.item->source.mtime;
    append_tar_header(buffer_, member);
    sent.state = SentItem::State::sent;
    ++progress_.files_done;
}

void TarContent::begin_file(SentItem& sent) {
    file_ = open_content(directories_, content_, sent.item->path, sent.error);
    Entry entry;
    if (!file_ || !fs::read_entry(file_.get(), "", entry)) {
        file_.close();
        sent.state = SentItem::State::failed;
        return;
    }
    if (sent.only_of_size.value_or(entry.stamp.size) != entry.stamp.size) {
        file_.close();
        sent.state = SentItem::State::changed;
        return;
    }
    before_ = entry.stamp;
    begun_at_ = wall_clock_now();
    rest_ = before_.size;
    is_short_ = false;
    sent.mtime = before_.mtime;
    if (is_kept(sent)) {
        rest_ = 0;
        sent.needs_touch = sent.kept->mtime != before_.mtime || sent.kept->mode != mode_of(*sent.item);
        progress_.bytes_done += before_.size;
        return end_file();
    }
    TarMember member;
    member.path = sent.name;
    member.size = before_.size;
    member.mode = mode_of(*sent.item);
    member.mtime = before_.mtime;
    append_tar_header(buffer_, member);
    if (rest_ == 0) end_file();
}

void TarContent::read_some() {
    size_t wanted = static_cast<size_t>(std::min<uint64_t>(rest_, read_bytes));
    size_t begin = buffer_.size();
    buffer_.resize(begin + wanted);
    ssize_t got =
        is_short_ ? 0 : ::pread(file_.get(), &buffer_[begin], wanted, static_cast<off_t>(before_.size - rest_));
    if (got < 0 && errno == EINTR)
        got = 0, buffer_.resize(begin);
    else if (got <= 0)
        is_short_ = true, got = static_cast<ssize_t>(wanted);  // the buffer holds zeros already
    buffer_.resize(begin + static_cast<size_t>(got));
    hasher_.update(std::as_bytes(std::span(buffer_).subspan(begin)));
    rest_ -= static_cast<uint64_t>(got);
    progress_.bytes_done += static_cast<uint64_t>(got);
    if (rest_ > 0) return;
    buffer_.append(tar_padding(before_.size), '\0');
    end_file();
}

/// Whether all of it is in the stage; its content has been hashed then.
bool TarContent::is_kept(const SentItem& sent) {
    if (sent.kept == nullptr || sent.kept->size != before_.size || before_.size == 0) return false;
    bool is_same = hash_prefix(file_.get(), before_.size, hasher_) && hasher_.so_far() == sent.kept->digest;
    if (!is_same) hasher_.finish();
    return is_same;
}

void TarContent::end_file() {
    SentItem& sent = *item_;
    Entry after;
    bool is_same = fs::read_entry(file_.get(), "", after) && after.stamp == before_ && !is_short_;
    file_.close();
    sent.digest = hasher_.finish();
    sent.state = is_same ? SentItem::State::sent : SentItem::State::changed;
    sent.stamp = is_racy(before_, begun_at_) ? Stamp{} : before_;
    sent.stamp.size = before_.size;
    if (is_same) ++progress_.files_done;
}

Task<void> TarContent::append_control_files() {
    concluded_ = true;
    std::vector<ControlFile> files;
    if (conclude_) files = co_await conclude_();
    for (const ControlFile& file : files) append_control_file(buffer_, file.name, file.text);
    if (!is_left_open_) append_tar_end(buffer_);
}

}  // namespace syncline
