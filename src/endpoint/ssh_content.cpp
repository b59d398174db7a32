#include "endpoint/ssh_content.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/rel_path.hpp"
#include "core/baseline.hpp"
#include "endpoint/ssh_tar.hpp"

namespace syncline {
namespace {

constexpr size_t piece_bytes = size_t{1} << 20;

}  // namespace

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
    return item.keep_existing_mode && item.expected != nullptr ? item.expected->mode & 0777 : item.mode;
}

TarContent::TarContent(ContentSource content, std::vector<SentItem>& items,
                       std::function<std::vector<ControlFile>()> conclude, TransferMeans means, Progress& progress)
    : content_(content),
      items_(items),
      conclude_(std::move(conclude)),
      means_(means),
      progress_(progress),
      directories_(content.root, content.follow_symlinks ? fs::Links::follow : fs::Links::refuse) {}

Task<std::string_view> TarContent::next() {
    buffer_.clear();
    if (concluded_) co_return std::string_view();
    auto work = [this](std::stop_token stop) { return fill(std::move(stop)); };
    bool has_more = co_await offload(means_.workers, work);
    if (!has_more) append_control_files();
    co_await means_.take_share(buffer_.size());
    co_return std::string_view(buffer_);
}

/// Appends about a piece. False when all items were read.
bool TarContent::fill(std::stop_token stop) {
    while (buffer_.size() < piece_bytes) {
        if (stop.stop_requested()) throw Cancelled();
        if (file_) {
            read_some();
        } else if (next_item_ < items_.size()) {
            begin(items_[next_item_++]);
        } else {
            return false;
        }
    }
    return true;
}

void TarContent::begin(SentItem& sent) {
    if (sent.item->op == Op::put) return begin_file(sent);
    TarMember member;
    member.type = TarMember::Type::symlink;
    member.path = std::to_string(next_item_ - 1);
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
    before_ = entry.stamp;
    begun_at_ = wall_clock_now();
    rest_ = before_.size;
    is_short_ = false;
    TarMember member;
    member.path = std::to_string(next_item_ - 1);
    member.size = before_.size;
    member.mode = mode_of(*sent.item);
    member.mtime = before_.mtime;
    append_tar_header(buffer_, member);
    if (rest_ == 0) end_file();
}

void TarContent::read_some() {
    size_t wanted = static_cast<size_t>(std::min<uint64_t>(rest_, piece_bytes));
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
    if (rest_ == 0) end_file();
}

void TarContent::end_file() {
    SentItem& sent = items_[next_item_ - 1];
    buffer_.append(tar_padding(before_.size), '\0');
    Entry after;
    bool is_same = fs::read_entry(file_.get(), "", after) && after.stamp == before_ && !is_short_;
    file_.close();
    sent.digest = hasher_.finish();
    sent.state = is_same ? SentItem::State::sent : SentItem::State::changed;
    sent.stamp = is_racy(before_, begun_at_) ? Stamp{} : before_;
    sent.stamp.size = before_.size;
    if (is_same) ++progress_.files_done;
}

void TarContent::append_control_files() {
    concluded_ = true;
    for (const ControlFile& file : conclude_()) {
        append_control_file(buffer_, file.name, file.text);
    }
    append_tar_end(buffer_);
}

}  // namespace syncline
