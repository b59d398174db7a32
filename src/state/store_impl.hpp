// The store's inside, shared by the files that implement it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "state/database.hpp"
#include "state/open_state.hpp"
#include "state/store.hpp"

namespace syncline {

/// Holds the open database and replaces it when it turns out damaged, or was deleted or set aside by another process.
/// PairIds are positions in `keys`, so that they outlive the database whose rows they stand for.
struct Store::Impl {
    std::string directory;
    std::string set_aside;
    bool was_lost = false;  ///< the database vanished while it was open
    std::unique_ptr<Database> database;
    std::vector<PairKey> keys;  ///< by PairId - 1

    explicit Impl(const std::string& state_directory);
    ~Impl() { database->trim_log(); }

    /// With the destination as it is known now.
    PairKey key(PairId pair);
    /// The destination that `spelled` is known to mean, else itself.
    std::string resolved(const std::string& spelled);
    /// The id of a pair's row, made when it is new. Looked up each time: it is another one in another database.
    int64_t row(PairId pair);
    /// What binds the rows of its baseline.
    uint64_t seed(PairId pair);

    /// Runs `operation` on the database; once more on a new one when this one is damaged.
    template <class Operation>
    auto use(Operation operation) {
        if (!database->is_in_place()) {
            reopen(false);
            was_lost = true;
        }
        try {
            return operation(*database);
        } catch (const Damaged&) {
            reopen(true);
        }
        try {
            return operation(*database);
        } catch (const Damaged& damaged) {
            throw state_error(database->path(), damaged.what(), 0);
        }
    }

  private:
    std::optional<int64_t> find_row(const PairKey& wanted);
    void reopen(bool damaged);
};

}  // namespace syncline
