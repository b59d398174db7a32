// OldMembers: members of the archive that is replaced, which are nowhere else, passed on into the new one.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "endpoint/archive_reader.hpp"
#include "endpoint/archive_upload.hpp"
#include "fs/hash.hpp"

namespace syncline {

class OldMembers final : public ArchiveSource, private TarSink {
  public:
    /// All outlive it. Takes those files of `tree`, the new one, whose indices are in `wanted`, by their digests.
    OldMembers(BucketMeans means, const ArchiveManifest& old, const Tree& tree, const std::vector<uint32_t>& wanted,
               ZstdWriter& writer);

    Task<bool> fill(std::string& out) override;

    /// A file that did not come, "" when all did; and why.
    std::string_view missing() const { return wanted_.empty() ? std::string_view() : wanted_.begin()->first; }
    std::string error() const { return reader_.error(); }

  private:
    void begin(const TarMember& member) override;
    void data(std::string_view bytes) override;
    void end() override;

    const Tree& tree_;
    ZstdWriter& writer_;
    std::unordered_map<std::string_view, uint32_t> wanted_;  ///< by their paths in the tree
    ArchiveReader reader_;
    std::string* out_ = nullptr;
    const Entry* entry_ = nullptr;  ///< of the member at hand; null: it is passed over
    fs::Hasher hasher_;
};

}  // namespace syncline
