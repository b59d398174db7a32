#include "endpoint/archive_copy.hpp"

namespace syncline {

Task<bool> OldMembers::fill(std::string& out) {
    out_ = &out;
    auto reading = reader_.read_some();
    bool has_more = co_await std::move(reading);
    out_ = nullptr;
    co_return has_more && !has_all();
}

void OldMembers::open(const TarMember& member, const Entry& entry) {
    TarMember passed = member;
    passed.mode = entry.mode;
    passed.mtime = entry.stamp.mtime;
    std::string header;
    append_tar_header(header, passed);
    write(header);
}

/// One that is not right was superseded in the old archive, and is so in the new one.
void OldMembers::close(const Entry& entry, bool) { write(std::string(tar_padding(entry.stamp.size), '\0')); }

}  // namespace syncline
