// What job files are trusted with, and what jobs of an older version have been told of.

#include "state/store.hpp"
#include "state/store_impl.hpp"

namespace syncline {
namespace {

void insert_facts(Database& database, const std::string& job_file, const std::vector<std::string>& facts) {
    Query query = database.query("INSERT OR IGNORE INTO trusted_fact (job_file, fact) VALUES (?, ?)");
    for (const std::string& fact : facts) query.blob(job_file).blob(fact).run();
}

}  // namespace

void Store::trust(const std::string& job_file, const std::vector<std::string>& facts) {
    impl_->use([&](Database& database) {
        Transaction transaction(database);
        database.query("DELETE FROM trusted_fact WHERE job_file = ?").blob(job_file).run();
        database.query("DELETE FROM trusted WHERE job_file = ?").blob(job_file).run();
        insert_facts(database, job_file, facts);
        transaction.commit();
    });
}

void Store::add_trust(const std::string& job_file, const std::vector<std::string>& facts) {
    impl_->use([&](Database& database) {
        Transaction transaction(database);
        insert_facts(database, job_file, facts);
        transaction.commit();
    });
}

std::vector<std::string> Store::trusted_facts(const std::string& job_file) {
    return impl_->use([&](Database& database) {
        std::vector<std::string> facts;
        Query query = database.query("SELECT fact FROM trusted_fact WHERE job_file = ? ORDER BY fact");
        query.blob(job_file);
        while (query.step()) facts.push_back(query.string_at(0));
        return facts;
    });
}

bool Store::is_trusted_text(const std::string& job_file, const std::string& sha256) {
    return impl_->use([&](Database& database) {
        Query query = database.query("SELECT 1 FROM trusted WHERE job_file = ? AND sha256 = ?");
        return query.blob(job_file).blob(sha256).step();
    });
}

bool Store::tell_once(PairId pair, int64_t version, std::string_view what) {
    return impl_->use([&](Database& database) {
        Transaction transaction(database);
        const int64_t row = impl_->row(pair);
        Query age = database.query("SELECT 1 FROM pair WHERE id = ? AND made_by < ?");
        const bool is_old = age.integer(row).integer(version).step();
        Query told = database.query("INSERT OR IGNORE INTO told (pair, what) VALUES (?, ?)");
        const bool is_new = is_old && told.integer(row).blob(what).run() != 0;
        transaction.commit();
        return is_new;
    });
}

}  // namespace syncline
