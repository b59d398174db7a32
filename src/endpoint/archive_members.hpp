// WantedMembers: those members of an archive that are files somebody wants, by path and size, each verified against its
// tree when it has come. All else is passed over. Blocks as its heir does; called on workers, one at a time.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/tree.hpp"
#include "endpoint/ssh_tar.hpp"
#include "fs/hash.hpp"

namespace syncline {

class WantedMembers : public TarSink {
  public:
    /// The tree outlives it; `wanted` are files of it.
    WantedMembers(const Tree& tree, const std::vector<uint32_t>& wanted);

    bool has_all() const { return missing_.empty(); }
    /// By their paths in the tree.
    const std::unordered_map<std::string_view, uint32_t>& missing() const { return missing_; }

    void begin(const TarMember& member) final;
    void data(std::string_view bytes) final;
    void end() final;

  protected:
    virtual void open(const TarMember& member, const Entry& entry) = 0;
    virtual void write(std::string_view bytes) = 0;
    /// `is_right`: it is the one; else another of the same name may follow, as of a file that changed while it was
    /// packed.
    virtual void close(const Entry& entry, bool is_right) = 0;

    std::string_view path(const Entry& entry) const { return tree_.path(entry); }

  private:
    const Tree& tree_;
    std::unordered_map<std::string_view, uint32_t> missing_;
    const Entry* entry_ = nullptr;  ///< of the member at hand; null: it is passed over
    fs::Hasher hasher_;
};

}  // namespace syncline
