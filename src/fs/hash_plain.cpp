// The plain backend of HashPool: one file after the other.
#include "fs/file_hasher.hpp"
#include "fs/hash_worker.hpp"

namespace syncline::fs {

namespace {

class PlainWorker final : public HashWorker {
  public:
    void hash(const HashBatch& batch) override {
        DirectoryCache directories(batch.root, batch.links);
        for (HashItem& item : batch.items) {
            if (batch.stop.stop_requested()) return;
            files_.open_and_hash(batch, directories, item);
        }
    }

  private:
    FileHasher files_;
};

}  // namespace

std::unique_ptr<HashWorker> make_plain_worker() { return std::make_unique<PlainWorker>(); }

}  // namespace syncline::fs
