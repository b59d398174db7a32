#include "engine/recorder.hpp"

#include <iterator>

namespace syncline {
namespace {

template <class T>
void move_all(std::vector<T>& from, std::vector<T>& to) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
    from.clear();
}

/// Of a racy stamp only the time is kept: it tells whether a later one is another.
Stamp trusted(const Stamp& stamp, TimeNs listed_at) {
    return is_racy(stamp, listed_at) ? Stamp{stamp.size, stamp.mtime, 0, 0} : stamp;
}

/// Who put it there stays known as long as it is the same.
bool is_put_by_job(const BaselineChange& change, const Baseline& known) {
    uint32_t index = known.find(change.path);
    if (index == Tree::none || known[index].found_there) return false;
    const BaselineEntry& row = known[index];
    return row.kind == change.entry.kind && row.digest == change.entry.digest && known.link(row) == change.link;
}

void turn_round(BaselineChange& change, const Baseline& known) {
    BaselineEntry& row = change.entry;
    Stamp source = row.source_stamp();
    row.set_source(row.target_stamp());
    row.set_target(source);
    row.mount_point = false;
    row.set_source_mode(row.mode);
    row.found_there = !is_put_by_job(change, known);
}

BaselineEntry row_of(const Entry& source) {
    BaselineEntry row;
    row.kind = source.kind;
    row.mount_point = source.has(mount_point);
    row.mode = source.mode;
    row.set_source_mode(source.mode);
    return row;
}

}  // namespace

void Recorder::add_equal(const Tree& source, const Tree& target, const EqualPair& pair) {
    const Entry& here = source[pair.source];
    const Entry& there = target[pair.target];
    BaselineEntry row = row_of(here);
    if (here.kind == Kind::file) {
        row.size = here.stamp.size;
        row.digest = here.digest;
        row.set_source(trusted(here.stamp, source_listed_at_));
        row.set_target(trusted(there.stamp, target_listed_at_));
    }
    row.mode = there.mode;
    row.found_there = pair.found_there;
    pending_.push_back({std::string(source.path(here)), row, std::string(source.link(here))});
}

void Recorder::add_followed(const Tree& source, const Tree& target, const EqualPair& pair, const CommitItem& item) {
    add_equal(source, target, pair);
    BaselineEntry& row = pending_.back().entry;
    // A write at that moment would hide behind our change: the content is read once more, then its stamp is known.
    row.set_target({row.size, item.op == Op::touch ? row.source_mtime : row.target_mtime, 0, 0});
    row.mode = item.mode;
}

void Recorder::add_committed(const Tree& source, const Action& action, const CommitItem& item) {
    const Entry& here = source[action.source];
    BaselineEntry row = row_of(here);
    if (here.kind == Kind::file) {
        row.size = item.source_stamp.size;
        row.digest = item.committed;
        row.set_source(item.source_stamp);
        if (!row.source_stamp().known()) row.source_mtime = here.stamp.mtime;
        row.set_target(item.target_stamp);
    }
    row.mode = item.target_mode;
    pending_.push_back({std::string(item.path), row, std::string(item.link)});
}

void Recorder::settle() {
    constexpr size_t enough = 20'000;
    move_all(pending_, settled_);
    move_all(pending_removals_, settled_removals_);
    if (settled_.size() + settled_removals_.size() >= enough) write();
}

void Recorder::write() {
    if (settled_.empty() && settled_removals_.empty()) return;
    store_.update_baseline(pair_, settled_, settled_removals_);
    if (reverse_) {
        Baseline known = store_.load_baseline(*reverse_);
        for (BaselineChange& change : settled_) turn_round(change, known);
        store_.update_baseline(*reverse_, settled_, settled_removals_);
    }
    settled_.clear();
    settled_removals_.clear();
}

}  // namespace syncline
