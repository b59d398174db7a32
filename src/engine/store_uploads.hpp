// StoreUploads: the journal of large uploads of one run, kept in the state. Engine's thread; dies before the store.
#pragma once

#include <optional>

#include "endpoint/endpoint.hpp"
#include "state/store.hpp"

namespace syncline {

class StoreUploads final : public UploadJournal {
  public:
    explicit StoreUploads(Store& store) : store_(store) {}

    /// Until then there are none, and none is remembered: a run that only plans has no pair.
    void set_pair(PairId pair) { pair_ = pair; }

    std::vector<UploadRecord> uploads() override {
        return pair_ ? store_.uploads(*pair_) : std::vector<UploadRecord>();
    }
    std::vector<UploadPartRecord> parts(const std::string& id) override {
        return pair_ ? store_.upload_parts(*pair_, id) : std::vector<UploadPartRecord>();
    }
    void add(const UploadRecord& upload) override {
        if (pair_) store_.record_upload(*pair_, upload);
    }
    void add_part(const std::string& id, const UploadPartRecord& part) override {
        if (pair_) store_.record_upload_part(*pair_, id, part);
    }
    void forget(const std::string& id) override {
        if (pair_) store_.forget_upload(*pair_, id);
    }

  private:
    Store& store_;
    std::optional<PairId> pair_;
};

}  // namespace syncline
