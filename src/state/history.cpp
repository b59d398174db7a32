// The run history: one row a run, its problems as JSON.

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "core/path_log.hpp"
#include "state/store.hpp"
#include "state/store_impl.hpp"

namespace syncline {
namespace {

using Json = nlohmann::json;

constexpr size_t stored_problems = 100;
constexpr int64_t stored_runs = 1000;
constexpr int64_t large_path_log = 64 * 1024;
/// Deletes of the last minutes count together, so young rows stay however many there are.
constexpr TimeNs kept_in_any_case = 3600 * ns_per_second;

/// A string, or the array of its bytes when it is not UTF-8.
Json to_json(const std::string& bytes) {
    if (is_utf8(bytes)) return bytes;
    return std::vector<uint8_t>(bytes.begin(), bytes.end());
}

std::string from_json(const Json& json) {
    if (json.is_string()) return json.get<std::string>();
    std::string bytes;
    if (!json.is_array()) return bytes;
    for (const Json& byte : json) bytes += static_cast<char>(byte.is_number_integer() ? byte.get<int64_t>() : '?');
    return bytes;
}

std::string problems_to_text(const std::vector<Problem>& problems) {
    Json array = Json::array();
    for (size_t i = 0; i < std::min(problems.size(), stored_problems); ++i) {
        array.push_back({{"path", to_json(problems[i].path)}, {"why", to_json(problems[i].why)}});
    }
    return array.dump();
}

std::vector<Problem> problems_from_text(std::string_view text) {
    std::vector<Problem> problems;
    const Json array = Json::parse(text, nullptr, false);
    if (!array.is_array()) return problems;
    for (const Json& item : array) {
        if (!item.is_object()) continue;
        problems.push_back({from_json(item.value("path", Json())), from_json(item.value("why", Json()))});
    }
    return problems;
}

Outcome to_outcome(int64_t number) {
    return number < 0 || number > static_cast<int64_t>(Outcome::cancelled) ? Outcome::failed
                                                                           : static_cast<Outcome>(number);
}

RunRecord record_at(Query& query) {
    RunRecord run;
    run.job = query.string_at(0);
    run.started_at = query.integer_at(1);
    run.finished_at = query.integer_at(2);
    run.outcome = to_outcome(query.integer_at(3));
    run.scanned = static_cast<uint64_t>(query.integer_at(4));
    run.put = static_cast<uint64_t>(query.integer_at(5));
    run.deleted = static_cast<uint64_t>(query.integer_at(6));
    run.bytes_sent = static_cast<uint64_t>(query.integer_at(7));
    run.adopted = query.integer_at(8) != 0;
    run.detail = query.string_at(9);
    run.problems = problems_from_text(query.blob_at(10));
    return run;
}

void insert_run(Database& database, int64_t row, const RunRecord& run, std::string_view path_log) {
    const std::string problems = problems_to_text(run.problems);
    Query query = database.query(
        "INSERT INTO run (pair, job, started_at, finished_at, outcome, scanned, put, deleted, bytes_sent, adopted, "
        "detail, problems, path_log) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    query.integer(row).blob(run.job).integer(run.started_at).integer(run.finished_at);
    query.integer(static_cast<int64_t>(run.outcome));
    for (uint64_t count : {run.scanned, run.put, run.deleted, run.bytes_sent})
        query.integer(static_cast<int64_t>(count));
    query.integer(run.adopted ? 1 : 0).blob(run.detail).blob(problems).blob(path_log).run();
}

/// Makes way for a newer large log: a day of first copies must not fill the disk.
void drop_large_path_logs(Database& database, int64_t row) {
    Query query = database.query("UPDATE run SET path_log = X'' WHERE pair = ? AND length(path_log) > ?");
    query.integer(row).integer(large_path_log).run();
}

/// The newest run of each outcome stays, so that the last success is known after a thousand failures.
void prune_runs(Database& database, int64_t row, TimeNs now) {
    Query query = database.query(
        "DELETE FROM run WHERE pair = ?1 AND finished_at < ?2 "
        "AND id <= (SELECT id FROM run WHERE pair = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?3) "
        "AND id NOT IN (SELECT max(id) FROM run WHERE pair = ?1 GROUP BY outcome)");
    query.integer(row).integer(now - kept_in_any_case).integer(stored_runs).run();
}

}  // namespace

std::string_view outcome_name(Outcome outcome) {
    switch (outcome) {
        case Outcome::success: return "success";
        case Outcome::partial: return "partial";
        case Outcome::halted: return "halted";
        case Outcome::failed: return "failed";
        case Outcome::cancelled: return "cancelled";
    }
    return "failed";
}

void Store::record_run(PairId pair, const RunRecord& run, std::string_view path_log) {
    impl_->use([&](Database& database) {
        Transaction transaction(database);
        const int64_t row = impl_->row(pair);
        if (std::ssize(path_log) > large_path_log) drop_large_path_logs(database, row);
        insert_run(database, row, run, path_log);
        prune_runs(database, row, run.finished_at);
        transaction.commit();
    });
}

std::vector<RunRecord> Store::history(PairId pair, size_t limit) {
    return impl_->use([&](Database& database) {
        const int64_t row = impl_->row(pair);
        std::vector<RunRecord> runs;
        Query query = database.query(
            "SELECT job, started_at, finished_at, outcome, scanned, put, deleted, bytes_sent, adopted, detail, "
            "problems "
            "FROM run WHERE pair = ? ORDER BY id DESC LIMIT ?");
        constexpr size_t most = std::numeric_limits<int32_t>::max();
        query.integer(row).integer(static_cast<int64_t>(std::min(limit, most)));
        while (query.step()) runs.push_back(record_at(query));
        return runs;
    });
}

std::optional<RunRecord> Store::last_run(PairId pair, Outcome outcome) {
    return impl_->use([&](Database& database) -> std::optional<RunRecord> {
        const int64_t row = impl_->row(pair);
        Query query = database.query(
            "SELECT job, started_at, finished_at, outcome, scanned, put, deleted, bytes_sent, adopted, detail, "
            "problems "
            "FROM run WHERE pair = ? AND outcome = ? ORDER BY id DESC LIMIT 1");
        if (!query.integer(row).integer(static_cast<int64_t>(outcome)).step()) return std::nullopt;
        return record_at(query);
    });
}

std::optional<PathRun> Store::last_run_with(PairId pair, std::string_view path) {
    return impl_->use([&](Database& database) -> std::optional<PathRun> {
        const int64_t row = impl_->row(pair);
        Query query = database.query(
            "SELECT finished_at, id = (SELECT max(id) FROM run WHERE pair = ?1), path_log FROM run "
            "WHERE pair = ?1 AND length(path_log) > 0 ORDER BY id DESC");
        query.integer(row);
        while (query.step()) {
            PathRun run{query.integer_at(0), query.integer_at(1) != 0, find_in_path_log(query.blob_at(2), path)};
            if (!run.deeds.empty()) return run;
        }
        return std::nullopt;
    });
}

uint64_t Store::deletes_since(PairId pair, TimeNs since) {
    return impl_->use([&](Database& database) {
        const int64_t row = impl_->row(pair);
        Query query = database.query("SELECT deleted FROM run WHERE pair = ? AND adopted = 0 AND finished_at >= ?");
        query.integer(row).integer(since);
        uint64_t sum = 0;
        while (query.step()) {
            uint64_t deleted = static_cast<uint64_t>(query.integer_at(0));
            sum = deleted > std::numeric_limits<uint64_t>::max() - sum ? std::numeric_limits<uint64_t>::max()
                                                                       : sum + deleted;
        }
        return sum;
    });
}

}  // namespace syncline
