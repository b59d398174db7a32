#include "state/store.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/assert.hpp"
#include "state/baseline_row.hpp"
#include "state/store_impl.hpp"

namespace syncline {
namespace {

/// No row of a baseline is smaller.
constexpr int64_t min_row_bytes = 64;

/// Makes room for all rows at once: growing step by step would need twice the memory for a moment. The counts were kept
/// by count_rows(); as they may be damaged they are held to what the file can contain.
void reserve(Baseline& baseline, Database& database, int64_t row) {
    Query size = database.query("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
    const int64_t file_bytes = size.step() ? size.integer_at(0) : 0;
    Query query = database.query("SELECT baseline_rows, baseline_path_bytes FROM pair WHERE id = ?");
    if (!query.integer(row).step()) return;
    auto rows = static_cast<size_t>(std::clamp(query.integer_at(0), int64_t{0}, file_bytes / min_row_bytes));
    auto path_bytes = static_cast<size_t>(std::clamp(query.integer_at(1), int64_t{0}, file_bytes));
    // Some room for links; memory that is never touched costs nothing.
    baseline.reserve(rows, path_bytes + path_bytes / 8);
}

void count_rows(Database& database, int64_t row, int64_t rows, int64_t path_bytes) {
    Query query = database.query(
        "UPDATE pair SET baseline_rows = baseline_rows + ?, baseline_path_bytes = baseline_path_bytes + ? WHERE id = "
        "?");
    query.integer(rows).integer(path_bytes).integer(row).run();
}

/// Behind the file system's id stand the birth time and its UUID, each after a NUL. Older versions read as far as they
/// know.
std::string file_system_text(const std::optional<RootIdentity>& identity) {
    return identity ? identity->file_system + '\0' + std::to_string(identity->born) + '\0' + identity->uuid : "";
}

/// `file_system` is file_system_text(identity), and must outlive the query's run.
void bind_identity(Query& query, const std::optional<RootIdentity>& identity, const std::string& file_system) {
    if (!identity) {
        query.null().null().null();
        return;
    }
    query.blob(file_system);
    query.integer(static_cast<int64_t>(identity->inode));
    query.integer(static_cast<int64_t>(identity->kind));
}

std::optional<RootIdentity> identity_at(Query& query, int column) {
    if (query.is_null_at(column)) return std::nullopt;
    std::string file_system = query.string_at(column);
    size_t end = std::min(file_system.find('\0'), file_system.size());
    TimeNs born = 0;
    std::from_chars(file_system.data() + std::min(end + 1, file_system.size()), file_system.data() + file_system.size(),
                    born);
    size_t uuid = file_system.find('\0', std::min(end + 1, file_system.size()));
    return RootIdentity{file_system.substr(0, end), static_cast<uint64_t>(query.integer_at(column + 1)),
                        static_cast<Kind>(query.integer_at(column + 2)), born,
                        uuid == std::string::npos ? "" : file_system.substr(uuid + 1)};
}

}  // namespace

Store::Impl::Impl(const std::string& state_directory) : directory(state_directory) {
    database = open_state(directory, nullptr, set_aside);
}

const PairKey& Store::Impl::key(PairId pair) const {
    SYNCLINE_ASSERT(pair >= 1 && static_cast<size_t>(pair) <= keys.size());
    return keys[static_cast<size_t>(pair) - 1];
}

std::optional<int64_t> Store::Impl::find_row(PairId pair) {
    const PairKey& wanted = key(pair);
    Query query = database->query("SELECT id FROM pair WHERE root = ? AND destination = ? AND direction = ?");
    query.blob(wanted.root).blob(wanted.destination).integer(static_cast<int64_t>(wanted.direction));
    if (!query.step()) return std::nullopt;
    return query.integer_at(0);
}

int64_t Store::Impl::row(PairId pair) {
    if (std::optional<int64_t> found = find_row(pair)) return *found;
    const PairKey& wanted = key(pair);
    Query query =
        database->query("INSERT INTO pair (root, destination, direction) VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
    query.blob(wanted.root).blob(wanted.destination).integer(static_cast<int64_t>(wanted.direction)).run();
    if (std::optional<int64_t> found = find_row(pair)) return *found;
    throw Damaged("a row that was written is not there");
}

void Store::Impl::reopen(bool damaged) {
    std::unique_ptr<Database> next = open_state(directory, damaged ? database.get() : nullptr, set_aside);
    database = std::move(next);
}

Store::Store(const std::string& directory) : impl_(std::make_unique<Impl>(directory)) {}
Store::~Store() = default;
Store::Store(Store&&) noexcept = default;

const std::string& Store::set_aside() const { return impl_->set_aside; }

bool Store::take_lost() { return std::exchange(impl_->was_lost, false); }

PairId Store::pair(const PairKey& key) {
    auto known = std::find(impl_->keys.begin(), impl_->keys.end(), key);
    if (known == impl_->keys.end()) {
        impl_->keys.push_back(key);
        known = impl_->keys.end() - 1;
    }
    PairId pair = known - impl_->keys.begin() + 1;
    impl_->use([&](Database&) { return impl_->row(pair); });
    return pair;
}

std::optional<PairRecord> Store::find(const PairKey& key) {
    auto rows = impl_->use([&](Database& database) -> std::optional<size_t> {
        Query query =
            database.query("SELECT baseline_rows FROM pair WHERE root = ? AND destination = ? AND direction = ?");
        query.blob(key.root).blob(key.destination).integer(static_cast<int64_t>(key.direction));
        if (!query.step()) return std::nullopt;
        return static_cast<size_t>(std::max(query.integer_at(0), int64_t{0}));
    });
    if (!rows) return std::nullopt;
    return PairRecord{whole_sync(pair(key)), *rows};
}

std::vector<PairKey> Store::pairs() {
    return impl_->use([](Database& database) {
        std::vector<PairKey> keys;
        Query query = database.query("SELECT root, destination, direction FROM pair ORDER BY id");
        while (query.step()) {
            Direction direction = query.integer_at(2) == 0 ? Direction::push : Direction::pull;
            keys.push_back({query.string_at(0), query.string_at(1), direction});
        }
        return keys;
    });
}

Baseline Store::load_baseline(PairId pair) {
    const PairKey& key = impl_->key(pair);
    const uint64_t seed = row_seed(key.root, key.destination, key.direction);
    return impl_->use([&](Database& database) {
        Baseline baseline;
        const int64_t row = impl_->row(pair);
        reserve(baseline, database, row);
        Query query = database.query("SELECT path, value FROM baseline WHERE pair = ? ORDER BY path");
        query.integer(row);
        DecodedRow decoded;
        std::string previous;
        while (query.step()) {
            const std::string_view path = query.blob_at(0);
            if (!decode_row(seed, path, query.blob_at(1), decoded)) continue;
            // In a damaged tree of pages, rows may come twice or out of order.
            if (path <= previous && baseline.size() > 0) continue;
            previous = path;
            baseline.add(decoded.path, decoded.entry, decoded.link);
        }
        return baseline;
    });
}

Baseline Store::load_baseline(PairId pair, const std::vector<std::string>& scope) {
    const PairKey& key = impl_->key(pair);
    const uint64_t seed = row_seed(key.root, key.destination, key.direction);
    return impl_->use([&](Database& database) {
        Baseline baseline;
        const int64_t row = impl_->row(pair);
        Query one = database.query("SELECT path, value FROM baseline WHERE pair = ? AND path = ?");
        Query below =
            database.query("SELECT path, value FROM baseline WHERE pair = ? AND path > ? AND path < ? ORDER BY path");
        DecodedRow decoded;
        std::string previous;
        auto take = [&](Query& query) {
            while (query.step()) {
                const std::string_view path = query.blob_at(0);
                if (!decode_row(seed, path, query.blob_at(1), decoded)) continue;
                if (path <= previous && baseline.size() > 0) continue;
                previous = path;
                baseline.add(decoded.path, decoded.entry, decoded.link);
            }
        };
        std::string stored, first, end, last_way;
        for (const std::string& path : scope) {
            encode_row_path(path, stored);
            for (size_t slash = stored.find('\0'); slash != std::string::npos; slash = stored.find('\0', slash + 1)) {
                std::string way = stored.substr(0, slash);
                if (way <= last_way) continue;
                take(one.rewind().integer(row).blob(way));
                last_way = std::move(way);
            }
            take(one.rewind().integer(row).blob(stored));
            first = stored + '\0';
            end = stored + '\1';
            take(below.rewind().integer(row).blob(first).blob(end));
        }
        return baseline;
    });
}

std::vector<std::string> Store::paths_with_inodes(PairId pair, const std::vector<uint64_t>& inodes) {
    const PairKey& key = impl_->key(pair);
    const uint64_t seed = row_seed(key.root, key.destination, key.direction);
    return impl_->use([&](Database& database) {
        std::vector<std::string> paths;
        Query query = database.query("SELECT path, value FROM baseline WHERE pair = ?");
        query.integer(impl_->row(pair));
        DecodedRow decoded;
        while (query.step()) {
            if (!decode_row(seed, query.blob_at(0), query.blob_at(1), decoded)) continue;
            const BaselineEntry& entry = decoded.entry;
            if (entry.kind != Kind::file) continue;
            bool is_one = entry.source_inode == 0 || std::ranges::find(inodes, entry.source_inode) != inodes.end();
            if (is_one) paths.push_back(decoded.path);
        }
        return paths;
    });
}

void Store::update_baseline(PairId pair, const std::vector<BaselineChange>& changes,
                            const std::vector<std::string>& removals) {
    const PairKey& key = impl_->key(pair);
    const uint64_t seed = row_seed(key.root, key.destination, key.direction);
    impl_->use([&](Database& database) {
        Transaction transaction(database);
        const int64_t row = impl_->row(pair);
        std::string path, value;
        int64_t rows = 0, path_bytes = 0;
        Query insert = database.query("INSERT OR IGNORE INTO baseline (value, pair, path) VALUES (?, ?, ?)");
        Query replace = database.query("UPDATE baseline SET value = ? WHERE pair = ? AND path = ?");
        auto run = [&](Query& query) { return query.blob(value).integer(row).blob(path).run() != 0; };
        // New rows come in a row, and so do old ones: what served the last one is tried first.
        bool is_old = false;
        for (const BaselineChange& change : changes) {
            encode_row_path(change.path, path);
            encode_row_value(seed, path, change.entry, change.link, value);
            if (is_old && run(replace)) continue;
            is_old = !run(insert);
            if (is_old) {
                run(replace);
            } else {
                ++rows, path_bytes += static_cast<int64_t>(path.size());
            }
        }
        Query remove = database.query("DELETE FROM baseline WHERE pair = ? AND path = ?");
        for (const std::string& removal : removals) {
            encode_row_path(removal, path);
            if (remove.integer(row).blob(path).run() != 0) --rows, path_bytes -= static_cast<int64_t>(path.size());
        }
        if (rows != 0) count_rows(database, row, rows, path_bytes);
        transaction.commit();
    });
}

std::optional<WholeSync> Store::whole_sync(PairId pair) {
    return impl_->use([&](Database& database) -> std::optional<WholeSync> {
        const int64_t row = impl_->row(pair);
        Query query = database.query(
            "SELECT at, source_file_system, source_inode, source_kind, target_file_system, target_inode, target_kind "
            "FROM whole_sync WHERE pair = ?");
        if (!query.integer(row).step()) return std::nullopt;
        return WholeSync{query.integer_at(0), identity_at(query, 1), identity_at(query, 4)};
    });
}

void Store::record_whole_sync(PairId pair, const WholeSync& sync) {
    impl_->use([&](Database& database) {
        const int64_t row = impl_->row(pair);
        Query query = database.query("INSERT OR REPLACE INTO whole_sync VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
        query.integer(row).integer(sync.at);
        const std::string source_file_system = file_system_text(sync.source);
        const std::string target_file_system = file_system_text(sync.target);
        bind_identity(query, sync.source, source_file_system);
        bind_identity(query, sync.target, target_file_system);
        query.run();
    });
}

void Store::trust(const std::string& job_file, const std::string& sha256) {
    impl_->use([&](Database& database) {
        database.query("INSERT OR REPLACE INTO trusted VALUES (?, ?)").blob(job_file).blob(sha256).run();
    });
}

bool Store::is_trusted(const std::string& job_file, const std::string& sha256) {
    return impl_->use([&](Database& database) {
        Query query = database.query("SELECT 1 FROM trusted WHERE job_file = ? AND sha256 = ?");
        return query.blob(job_file).blob(sha256).step();
    });
}

}  // namespace syncline
