// OldMembers: members of the archive that is replaced, which are nowhere else, passed on into the new one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "endpoint/archive_members.hpp"
#include "endpoint/archive_reader.hpp"
#include "endpoint/archive_upload.hpp"

namespace syncline {

class OldMembers final : public ArchiveSource, private WantedMembers {
  public:
    /// All outlive it. Takes those files of `tree`, the new one, whose indices are in `wanted`, by their digests.
    OldMembers(BucketMeans means, const ArchiveManifest& old, const Tree& tree, const std::vector<uint32_t>& wanted,
               ZstdWriter& writer)
        : WantedMembers(tree, wanted), writer_(writer), reader_(means, old, *this) {}

    Task<bool> fill(std::string& out) override;

    /// A file that did not come, "" when all did; and why.
    std::string_view first_missing() const { return has_all() ? std::string_view() : missing().begin()->first; }
    std::string error() const { return reader_.error(); }

  private:
    void open(const TarMember& member, const Entry& entry) override;
    void write(std::string_view bytes) override { writer_.add(bytes, *out_); }
    void close(const Entry& entry, bool is_right) override;

    ZstdWriter& writer_;
    ArchiveReader reader_;
    std::string* out_ = nullptr;
};

}  // namespace syncline
