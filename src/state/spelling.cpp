// One destination under several spellings: what was recorded under one is taken over by what it proved to mean.

#include <utility>

#include "state/baseline_row.hpp"
#include "state/store.hpp"
#include "state/store_impl.hpp"

namespace syncline {
namespace {

struct PairRow {
    int64_t id = 0;
    PairKey key;
};

std::vector<PairRow> pairs_to(Database& database, const std::string& destination) {
    std::vector<PairRow> rows;
    Query query = database.query("SELECT id, root, direction FROM pair WHERE destination = ? ORDER BY id");
    query.blob(destination);
    while (query.step()) {
        Direction direction = query.integer_at(2) == 0 ? Direction::push : Direction::pull;
        rows.push_back({query.integer_at(0), {query.string_at(1), destination, direction}});
    }
    return rows;
}

bool has_record(Database& database, int64_t row) {
    Query query = database.query(
        "SELECT EXISTS (SELECT 1 FROM baseline WHERE pair = ?1) OR EXISTS (SELECT 1 FROM whole_sync WHERE pair = ?1)");
    return query.integer(row).step() && query.integer_at(0) != 0;
}

void forget_baseline(Database& database, int64_t row) {
    database.query("DELETE FROM baseline WHERE pair = ?").integer(row).run();
    database.query("DELETE FROM whole_sync WHERE pair = ?").integer(row).run();
    database.query("UPDATE pair SET baseline_rows = 0, baseline_path_bytes = 0 WHERE id = ?").integer(row).run();
}

/// The rows of a baseline are bound to their pair's key: they are written anew for the new one, which leaves out what
/// is damaged.
void rebind_baseline(Database& database, int64_t row, const PairKey& old_key, const PairKey& new_key) {
    const uint64_t old_seed = row_seed(old_key.root, old_key.destination, old_key.direction);
    const uint64_t new_seed = row_seed(new_key.root, new_key.destination, new_key.direction);
    constexpr int64_t at_once = 1000;
    Query some = database.query("SELECT path, value FROM baseline WHERE pair = ? AND path > ? ORDER BY path LIMIT ?");
    Query replace = database.query("UPDATE baseline SET value = ? WHERE pair = ? AND path = ?");
    std::vector<std::pair<std::string, std::string>> batch;
    std::string last;
    DecodedRow decoded;
    do {
        batch.clear();
        some.rewind().integer(row).blob(last).integer(at_once);
        while (some.step()) {
            std::string path = some.string_at(0), value;
            if (decode_row(old_seed, path, some.blob_at(1), decoded))
                encode_row_value(new_seed, path, decoded.entry, decoded.link, value);
            batch.emplace_back(std::move(path), std::move(value));
        }
        for (const auto& [path, value] : batch) replace.blob(value).integer(row).blob(path).run();
        if (!batch.empty()) last = batch.back().first;
    } while (!batch.empty());
}

void move_runs(Database& database, int64_t from, int64_t to) {
    database.query("UPDATE run SET pair = ? WHERE pair = ?").integer(to).integer(from).run();
    database.query("INSERT OR IGNORE INTO told SELECT ?, what FROM told WHERE pair = ?")
        .integer(to)
        .integer(from)
        .run();
}

void remove_pair(Database& database, int64_t row) {
    forget_baseline(database, row);
    database.query("DELETE FROM told WHERE pair = ?").integer(row).run();
    database.query("DELETE FROM pair WHERE id = ?").integer(row).run();
}

/// Gives `old` the destination, unless another pair of the same root and direction has it.
void take_over(Database& database, const PairRow& old, const std::string& destination) {
    const PairKey key{old.key.root, destination, old.key.direction};
    std::optional<int64_t> other;
    {
        Query query = database.query("SELECT id FROM pair WHERE root = ? AND destination = ? AND direction = ?");
        query.blob(key.root).blob(key.destination).integer(static_cast<int64_t>(key.direction));
        if (query.step()) other = query.integer_at(0);
    }
    if (other) {
        const bool other_counts = has_record(database, *other), old_counts = has_record(database, old.id);
        if (!old_counts || other_counts) {
            // Which of two that meet tells the truth cannot be known.
            if (old_counts) forget_baseline(database, *other);
            move_runs(database, old.id, *other);
            return remove_pair(database, old.id);
        }
        move_runs(database, *other, old.id);
        remove_pair(database, *other);
    }
    rebind_baseline(database, old.id, old.key, key);
    database.query("UPDATE pair SET destination = ? WHERE id = ?").blob(destination).integer(old.id).run();
}

}  // namespace

std::string Store::Impl::resolved(const std::string& spelled) {
    Query query = database->query("SELECT resolved FROM spelling WHERE destination = ?");
    return query.blob(spelled).step() ? query.string_at(0) : spelled;
}

std::string Store::resolved(const std::string& spelled) {
    return impl_->use([&](Database&) { return impl_->resolved(spelled); });
}

void Store::record_spelling(const std::string& spelled, const std::string& resolved) {
    if (spelled == resolved) return;
    impl_->use([&](Database& database) {
        if (impl_->resolved(spelled) == resolved && pairs_to(database, spelled).empty()) return;
        Transaction transaction(database);
        database.query("INSERT OR REPLACE INTO spelling VALUES (?, ?)").blob(spelled).blob(resolved).run();
        for (const PairRow& old : pairs_to(database, spelled)) take_over(database, old, resolved);
        transaction.commit();
    });
}

}  // namespace syncline
