#include "endpoint/archive_pack.hpp"

#include "endpoint/ssh_tar.hpp"

namespace syncline {
namespace {

constexpr size_t members_at_a_time = 4096;

}  // namespace

LocalMembers::LocalMembers(ContentSource content, std::span<SentItem> items, ZstdWriter& writer, WorkerPool& workers,
                           Progress& progress)
    : writer_(writer),
      workers_(workers),
      queue_(items),
      tar_(content, queue_, nullptr, TransferMeans(workers, unlimited_), progress) {
    tar_.leave_open();
}

Task<bool> LocalMembers::fill(std::string& out) {
    auto reading = tar_.next();
    std::string_view bytes = co_await std::move(reading);
    if (bytes.empty()) co_return false;
    auto work = [&](std::stop_token) { writer_.add(bytes, out); };
    co_await offload(workers_, work);
    co_return true;
}

Task<bool> NodeMembers::fill(std::string& out) {
    auto work = [&](std::stop_token) { pack(out); };
    co_await offload(workers_, work);
    co_return next_ < tree_.size();
}

void NodeMembers::pack(std::string& out) {
    std::string headers;
    size_t end = std::min(tree_.size(), next_ + members_at_a_time);
    for (; next_ < end; ++next_) {
        const Entry& entry = tree_[next_];
        if (entry.kind == Kind::file) continue;
        TarMember member;
        member.type = entry.kind == Kind::directory ? TarMember::Type::directory : TarMember::Type::symlink;
        member.path = tree_.path(entry);
        member.link = tree_.link(entry);
        member.mode = entry.mode;
        append_tar_header(headers, member);
    }
    writer_.add(headers, out);
}

Task<bool> ArchiveEnd::fill(std::string& out) {
    auto work = [&](std::stop_token) {
        std::string end;
        append_tar_end(end);
        writer_.add(end, out);
        writer_.finish(out);
    };
    co_await offload(workers_, work);
    co_return false;
}

}  // namespace syncline
