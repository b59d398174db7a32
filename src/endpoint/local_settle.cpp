#include "endpoint/local_settle.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/rel_path.hpp"
#include "core/own_names.hpp"
#include "endpoint/bucket_sums.hpp"
#include "endpoint/local_item.hpp"
#include "fs/fd.hpp"

namespace syncline {
namespace {

/// What is known of the thing in question, within its open directory.
class AsideEntry {
  public:
    AsideEntry(int directory, const TakenAside& item, const Entry& entry, const std::stop_token& stop)
        : directory_(directory), item_(item), name_(last_name(item.path)), entry_(entry), stop_(stop) {}

    /// Whether nothing is lost with it.
    bool holds_nothing_new() const {
        if (entry_.kind == Kind::symlink) return is_known_link(link_at(name_));
        if (entry_.kind != Kind::file) return false;
        std::optional<Digest> content = content_at(name_);
        if (!content) return false;
        const std::vector<Digest>& known = item_.known_contents;
        if (is_made_for(name_, *content) || std::find(known.begin(), known.end(), *content) != known.end()) return true;
        return !item_.original.empty() && content_at(std::string(last_name(item_.original))) == content;
    }

  private:
    bool is_known_link(const std::string& link) const {
        const std::vector<std::string>& known = item_.known_links;
        return !link.empty() &&
               (is_made_for(name_, sha256_of(link)) || std::find(known.begin(), known.end(), link) != known.end());
    }

    std::string link_at(const std::string& name) const {
        std::string link(size_t{1} << 16, '\0');
        ssize_t size = ::readlinkat(directory_, name.c_str(), link.data(), link.size());
        link.resize(size > 0 ? static_cast<size_t>(size) : 0);
        return link;
    }

    /// Of a file that can be read whole.
    std::optional<Digest> content_at(const std::string& name) const {
        fs::Fd file(::openat(directory_, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
        Entry entry;
        if (!file || !fs::read_entry(file.get(), "", entry) || entry.kind != Kind::file) return std::nullopt;
        try {
            return sum_file(file.get(), false, stop_).sha256;
        } catch (const Error&) {
            return std::nullopt;
        }
    }

    int directory_;
    const TakenAside& item_;
    std::string name_;
    const Entry& entry_;
    const std::stop_token& stop_;
};

/// Back to its name, or beside it.
void give_back(int directory, const std::string& name, TakenAside& item) {
    std::string original(last_name(item.original));
    if (!original.empty() && rename_if_free(directory, name, original)) {
        item.fate = TakenAside::Fate::put_back;
        return;
    }
    std::string kept = keep_beside(directory, name, original.empty() ? "unknown" : original);
    if (kept.empty()) {
        item.error = "cannot give back what a run that was killed had taken aside: " + errno_text(errno);
        return;
    }
    item.fate = TakenAside::Fate::kept;
    item.kept_as = join_path(parent_path(item.path), kept);
}

}  // namespace

void settle_local(int root, TakenAside& item, const std::stop_token& stop) {
    fs::Fd directory = fs::open_directory(root, parent_path(item.path));
    std::string name(last_name(item.path));
    if (!directory || !is_aside_name(name)) return;
    std::optional<Entry> entry = entry_now(directory.get(), name);
    if (!entry) return;
    bool is_directory = entry->kind == Kind::directory;
    bool may_go = is_directory || AsideEntry(directory.get(), item, *entry, stop).holds_nothing_new();
    if (may_go && ::unlinkat(directory.get(), name.c_str(), is_directory ? AT_REMOVEDIR : 0) == 0) {
        item.fate = TakenAside::Fate::removed;
        return;
    }
    give_back(directory.get(), name, item);
}

}  // namespace syncline
