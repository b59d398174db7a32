#include "endpoint/ssh_commit.hpp"

#include <algorithm>

#include "base/rel_path.hpp"
#include "core/own_names.hpp"

namespace syncline {
namespace {

constexpr size_t aside_digits = 16;

bool is_content(const CommitItem& item) { return item.op == Op::put || item.op == Op::symlink; }

/// Whether a file has the size and the time that were sent, as far as its file system, tar and Perl hold times.
bool is_as_sent(const SentItem& sent, const Stamp& stamp) {
    constexpr TimeNs perl_slack = 1000, coarse_slack = 2 * ns_per_second;
    TimeNs off = stamp.mtime > sent.mtime ? stamp.mtime - sent.mtime : sent.mtime - stamp.mtime;
    bool is_coarse = stamp.mtime % ns_per_second == 0;
    return stamp.size == sent.stamp.size && off <= (is_coarse ? coarse_slack : perl_slack);
}

void take_error(const SentItem& sent) {
    sent.item->error = sent.error;
    sent.item->disk_trouble = sent.disk_trouble;
}

void fail(CommitItem& item, const OpFailure& failure) {
    item.error = failure.kind == OpFailure::Kind::changed
                     ? "changed on the target since it was listed (" + failure.why + "); left as it is"
                     : "cannot be put into place on the server: " + failure.why;
    item.disk_trouble = failure.kind == OpFailure::Kind::disk;
}

}  // namespace

CommitBatch::CommitBatch(std::vector<CommitItem*> items, bool has_fractions)
    : items_(std::move(items)), has_fractions_(has_fractions) {
    for (CommitItem* item : items_) {
        if (is_content(*item)) sent_.emplace_back(item);
    }
}

void CommitBatch::add_steps(Op op) {
    for (CommitItem* item : items_) {
        if (item->op == op) steps_.push_back({item, nullptr});
    }
}

std::vector<TarContent::ControlFile> CommitBatch::conclude() {
    std::string names, sums;
    add_steps(Op::mkdir);
    for (SentItem& sent : sent_) {
        if (sent.state != SentItem::State::sent) continue;
        steps_.push_back({sent.item, &sent});
        if (sent.item->op != Op::put) continue;
        names.append(sent.name).append(1, '\0');
        sums.append(sent.digest.hex()).append("\n");
    }
    add_steps(Op::chmod);
    add_steps(Op::touch);
    std::vector<RemoteOp> ops;
    for (const Step& step : steps_) {
        const CommitItem& item = *step.item;
        RemoteOp& op = ops.emplace_back();
        op.op = step.sent != nullptr ? 'p' : item.op == Op::mkdir ? 'm' : item.op == Op::touch ? 'u' : 'c';
        op.path = item.path;
        op.mode = item.mode;
        op.expected = item.expected;
        op.unchecked = item.op == Op::chmod && item.expected == nullptr;  // a directory that this run made
        if (step.sent != nullptr) op.staged = step.sent->name;
        if (op.op == 'm' && item.expected != nullptr)
            op.staged = aside_name(last_name(item.path), new_marker().substr(0, aside_digits));
        if (step.sent != nullptr && step.sent->needs_touch) op.mtime = step.sent->mtime;
        if (op.mtime) op.mode = mode_of(item);
        if (item.op == Op::touch) op.mtime = item.source.mtime;
    }
    return {
        {"names", std::move(names)}, {"sums", std::move(sums)}, {"ops", ops_text(ops, has_fractions_)}, {"done", ""}};
}

std::vector<CommitItem*> CommitBatch::unsent() const {
    std::vector<CommitItem*> again;
    for (const SentItem& sent : sent_) {
        if (sent.state == SentItem::State::failed) take_error(sent);
        if (sent.state == SentItem::State::changed) again.push_back(sent.item);
    }
    return again;
}

std::vector<CommitItem*> CommitBatch::take(const CommitReport& report) {
    if (!report.verified) return take_damage(report);
    take_failures(report);
    take_stamps(report);
    return unsent();
}

/// Nothing was put into place, as a digest differs.
std::vector<CommitItem*> CommitBatch::take_damage(const CommitReport&) {
    for (SentItem& sent : sent_) {
        if (sent.state == SentItem::State::failed) take_error(sent);
    }
    std::vector<CommitItem*> again;
    std::copy_if(items_.begin(), items_.end(), std::back_inserter(again),
                 [](CommitItem* item) { return item->error.empty(); });
    return again;
}

void CommitBatch::take_failures(const CommitReport& report) {
    for (const OpFailure& failure : report.failures) {
        if (failure.index < steps_.size()) fail(*steps_[failure.index].item, failure);
    }
}

/// They come in the order of the steps; of what vanished there is none. Somebody may have written there since the
/// rename: what is not the thing that was staged is not recorded, and the next run reads it.
void CommitBatch::take_stamps(const CommitReport& report) {
    size_t next = 0;
    for (size_t i = 0; i < steps_.size(); ++i) {
        CommitItem& item = *steps_[i].item;
        const SentItem* sent = steps_[i].sent;
        bool found = next < report.stamps.size() && report.stamps[next].first == item.path;
        Stamp stamp = found ? report.stamps[next++].second.stamp : Stamp();
        if (!item.error.empty()) continue;
        item.target_mode = mode_of(item);
        if (sent == nullptr) continue;
        if (!found) {
            item.error = "is gone again from the server; it will be tried again at the next run";
        } else if (item.op == Op::put) {
            item.committed = sent->digest;
            item.source_stamp = sent->stamp;
            bool is_it = i < report.inodes.size() && stamp.inode == report.inodes[i] && is_as_sent(*sent, stamp);
            if (is_it) item.target_stamp = stamp;
        }
    }
}

void CommitBatch::fail_all(const std::string& why, bool disk_trouble) {
    for (CommitItem* item : items_) {
        item->error = why;
        item->disk_trouble = disk_trouble;
    }
}

}  // namespace syncline
