#include "endpoint/ssh_shell.hpp"

#include <algorithm>

#include "base/rel_path.hpp"
#include "base/text.hpp"
#include "core/own_names.hpp"
#include "endpoint/ssh_prune.hpp"
#include "endpoint/ssh_scope.hpp"

namespace syncline {
namespace {

constexpr size_t listing_limit = size_t{1} << 30;
constexpr size_t inspect_limit = 1 << 20;
constexpr size_t listing_errors_limit = 4 << 20;
constexpr size_t digest_batch = 50'000;
constexpr int read_attempts = 3;

/// Feeds a parser with a script's output, which may have no end.
class ListingSink final : public ssh::OutputSink {
  public:
    ListingSink(ListingParser& parser, uint64_t max_entries)
        : parser_(parser), most_bytes_(least_limit + max_entries * bytes_of_an_entry) {}
    Task<void> take(std::string_view bytes) override {
        (parser_.is_malformed() ? useless_ : bytes_) += bytes.size();
        if (bytes_ > most_bytes_ || useless_ > most_useless) {
            throw ListingTooLarge("what the server prints is no listing and has no end");
        }
        parser_.feed(bytes);
        co_return;
    }

  private:
    static constexpr uint64_t least_limit = uint64_t{64} << 20, bytes_of_an_entry = 1024;
    static constexpr uint64_t most_useless = uint64_t{16} << 20;

    ListingParser& parser_;
    uint64_t most_bytes_;
    uint64_t bytes_ = 0, useless_ = 0;
};

/// Two stamps of one file, where one may lack the fractions of seconds.
bool is_same(const Stamp& listed, Stamp now, bool has_fractions) {
    if (has_fractions) return listed == now;
    bool same_seconds = listed.mtime / ns_per_second == now.mtime / ns_per_second &&
                        listed.ctime / ns_per_second == now.ctime / ns_per_second;
    return same_seconds && listed.size == now.size && listed.inode == now.inode;
}

std::string why_not_read(ReadAnswer::State state) {
    if (state == ReadAnswer::State::gone) return "is gone from the server";
    if (state == ReadAnswer::State::replaced)
        return "was replaced on the server since it was listed; it will be tried again at the next run";
    return "cannot be read on the server";
}

}  // namespace

bool tells_of_disk_trouble(std::string_view text) {
    for (int error : {ENOSPC, EDQUOT, EROFS, EIO}) {
        if (text.find(errno_text(error)) != std::string_view::npos) return true;
    }
    return false;
}

std::string telling_line(std::string_view text) {
    for (std::string_view rest = text; !rest.empty();) {
        std::string_view line = rest.substr(0, rest.find('\n'));
        if (tells_of_disk_trouble(line)) return escape(line);
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
    return escape(text.substr(0, text.find('\n')));
}

Task<RootReport> ShellSide::inspect(RemoteShell& shell, std::string script) {
    ssh::StringSink sink(inspect_limit);
    ssh::ScriptResult result = co_await shell.run(std::move(script), nullptr, sink);
    std::optional<RootReport> report = read_inspect_output(sink.bytes());
    if (!report)
        throw Error(Errc::failed, shell.lease().session().shown() + ": cannot look at the server: " + result.why());
    report->errors = telling_line(result.errors);
    co_return std::move(*report);
}

void ShellSide::fail(const std::string& step, const ssh::ScriptResult& result) const {
    std::string why = result.exit.status == 41 ? "it cannot be entered any more" : result.why();
    throw Error(Errc::failed, place_.shown + ": " + step + ": " + why);
}

Task<std::string> ShellSide::run(std::string script, std::string input, std::string step) {
    ssh::StringInput source(std::move(input));
    ssh::StringSink sink(listing_limit);
    ssh::ScriptResult result = co_await place_.shell->run(std::move(script), &source, sink);
    if (!result.ok()) fail(step, result);
    co_return sink.take_bytes();
}

Task<Listing> ShellSide::list(ListRequest request, Progress& progress) {
    std::vector<std::string> pruned = names_to_prune(request);
    if (!can_list_scope(place_.tools, request.scope)) request.scope = {};
    if (!request.scope.empty()) {
        std::optional<Listing> part = co_await list_without(request, pruned, progress);
        // What looks odd in a part, such as a symlink in the place of a directory, has its place in the whole.
        if (part && part->incomplete.empty()) co_return std::move(*part);
        request.scope = {};
    }
    std::optional<Listing> listing = co_await list_without(request, std::move(pruned), progress);
    std::vector<std::string> nothing;
    if (!listing) listing = co_await list_without(request, std::move(nothing), progress);
    co_return std::move(*listing);
}

/// nullopt when something that was left out is wanted.
Task<std::optional<Listing>> ShellSide::list_without(ListRequest request, std::vector<std::string> pruned,
                                                     Progress& progress) {
    std::string marker = new_marker();
    RemoteTree tree(request, &progress.entries_scanned);
    ListingParser parser(listing_format(place_.tools), marker, tree);
    if (!request.scope.empty()) parser.expect_dots();
    ListingSink sink(parser, request.max_entries);
    std::string script = list_script(place_.root, place_.tools, marker, pruned, request.scope);
    tree.set_pruned(std::move(pruned));
    ssh::ScriptResult result = co_await place_.shell->run(std::move(script), nullptr, sink, listing_errors_limit);
    if (result.exit.status == 41) fail("listing", result);
    if (tree.missed_some()) co_return std::nullopt;
    for (Problem& problem : read_tool_errors(result.errors)) tree.add_problem(problem.path, std::move(problem.why));
    bool errors_are_cut = result.errors.size() >= listing_errors_limit;
    if (!parser.is_whole() || !result.ok() || errors_are_cut) {
        tree.add_problem("", "the listing broke off: " + result.why());
    }
    co_return tree.finish(parser.server_time());
}

Task<void> ShellSide::digest(const Tree& tree, std::vector<DigestItem>& items, Progress& progress) {
    for (DigestItem& item : items) item.stamp = tree[item.index].stamp;
    std::vector<DigestItem*> waiting;
    for (DigestItem& item : items) waiting.push_back(&item);
    for (int attempt = 0; attempt < read_attempts && !waiting.empty(); ++attempt) {
        std::vector<DigestItem*> again;
        for (size_t begin = 0; begin < waiting.size(); begin += digest_batch) {
            std::span<DigestItem*> batch =
                std::span(waiting).subspan(begin, std::min(digest_batch, waiting.size() - begin));
            co_await digest_some(tree, batch, again, progress);
        }
        waiting = std::move(again);
    }
    for (DigestItem* item : waiting) item->error = "changes while it is read";
}

/// One command. What changed meanwhile goes to `again`, with its stamp of now.
Task<void> ShellSide::digest_some(const Tree& tree, std::span<DigestItem*> batch, std::vector<DigestItem*>& again,
                                  Progress& progress) {
    std::string records;
    uint64_t bytes = 0;
    for (size_t i = 0; i < batch.size(); ++i) {
        const Entry& entry = tree[batch[i]->index];
        bytes += entry.stamp.size;
        records += read_record(i, entry.stamp.inode, tree.path(entry));
    }
    std::string marker = new_marker();
    std::string script = digest_script(place_.root, place_.tools.for_bytes(bytes), marker);
    std::string text = co_await run(std::move(script), std::move(records), "hashing files");
    std::optional<std::vector<ReadAnswer>> answers = read_answers(text, marker);
    if (!answers || answers->size() != batch.size())
        throw Error(Errc::failed, place_.shown + ": hashing files broke off on the server");
    for (const ReadAnswer& answer : *answers) {
        if (answer.number >= batch.size()) continue;
        DigestItem* item = batch[answer.number];
        if (answer.state != ReadAnswer::State::read) {
            item->error = why_not_read(answer.state);
            continue;
        }
        bool same = is_same(item->stamp, answer.stamp, place_.tools.stat_fractions);
        if (!same) item->stamp = answer.stamp;
        item->digest = answer.digest;
        if (!same) again.push_back(item);
        if (same) progress.bytes_hashed += item->stamp.size;
    }
}

Task<void> ShellSide::remove(std::vector<RemoveItem>& items, Progress& progress) {
    std::vector<RemoteOp> ops;
    for (const RemoveItem& item : items) {
        RemoteOp& op = ops.emplace_back();
        op.op = item.op == Op::rmdir ? 'd' : 'r';
        op.path = item.path;
        op.expected = item.expected;
    }
    std::string marker = new_marker();
    std::string script = remove_script(place_.where(), marker);
    std::string text = co_await run(std::move(script), ops_text(ops, place_.tools.stat_fractions), "removing files");
    CommitReport report = read_commit_output(text, marker);
    if (!report.whole) throw Error(Errc::failed, place_.shown + ": removing files broke off on the server");
    for (const OpFailure& failure : report.failures) {
        if (failure.index >= items.size()) continue;
        std::string& error = items[failure.index].error;
        if (failure.kind == OpFailure::Kind::changed) error = "changed on the target since it was listed; kept";
        if (failure.kind == OpFailure::Kind::filled) error = "something came into it since it was listed; kept";
        if (error.empty()) error = "cannot remove it: " + failure.why;
    }
    progress.files_done += items.size();
}

Task<void> ShellSide::settle(std::vector<TakenAside>& items) {
    constexpr size_t kept_digits = 8;
    std::vector<std::string> kept_names;
    for (const TakenAside& item : items) {
        std::string_view name = item.original.empty() ? "unknown" : last_name(item.original);
        kept_names.push_back(kept_name(name, new_marker().substr(0, kept_digits)));
    }
    std::string script = settle_script(place_.where(), place_.tools);
    std::string text =
        co_await run(std::move(script), settle_input(items, kept_names), "settling what was taken aside");
    if (!read_fates(text, items, kept_names))
        throw Error(Errc::failed,
                    place_.shown + ": settling what a killed run had taken aside broke off on the server");
}

Task<void> ShellSide::flush() {
    std::string script = flush_script(place_.root);
    co_await run(std::move(script), "", "flushing to the disk");
}

}  // namespace syncline
