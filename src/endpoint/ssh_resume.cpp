#include "endpoint/ssh_resume.hpp"

namespace syncline {
namespace {

constexpr size_t digest_digits = 64;
constexpr size_t bytes_of_an_answer = 256;

}  // namespace

Task<void> digest_prefixes(RemotePlace place, std::vector<PrefixItem>& items) {
    if (items.empty()) co_return;
    std::string input;
    uint64_t bytes = 0;
    for (const PrefixItem& item : items) {
        bytes += item.bytes;
        input.append(std::to_string(item.bytes)).append(1, '\0').append(read_record(0, item.inode, item.path));
    }
    ssh::StringInput source(std::move(input));
    ssh::StringSink sink(items.size() * bytes_of_an_answer);
    std::string script = prefix_digest_script(place.root, place.tools.for_bytes(bytes));
    co_await place.shell->run(std::move(script), &source, sink);
    std::string_view text = sink.bytes();
    for (PrefixItem& item : items) {
        item.digest = Digest::from_hex(text.substr(0, digest_digits));
        size_t end = text.find('\n');
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
}

}  // namespace syncline
