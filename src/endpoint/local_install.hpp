// Installer: puts finished things into their places on a local tree, each only while what stands there is what the
// listing saw. Each thread has one of its own.
//
// What is replaced or removed is taken aside first and looked at there, so that what was edited since the last look is
// seen and goes back. It lies under a name that the next run settles (core/taken_aside), should this one be killed
// meanwhile.
#pragma once

#include <string>

#include "endpoint/local_item.hpp"
#include "fs/fd.hpp"

namespace syncline {

class Installer {
  public:
    Installer(int target_root, TouchedInodes& touched) : directories_(target_root), touched_(touched) {}

    /// Renames what was staged, which lies beside the item's place, to that place; empties its name when it is used up.
    void install(CommitItem& item, Staged& staged);
    void make_directory(CommitItem& item);
    void change_mode(CommitItem& item);
    /// Whether a chmod would change a file under other names too, perhaps outside of the target.
    bool has_other_names(const CommitItem& item);
    void remove(RemoveItem& item);

  private:
    bool rename_to_free_name(CommitItem& item, int directory, const std::string& temporary, const std::string& name);
    /// From here on what is at its name may be somebody's work.
    bool give_aside_name(CommitItem& item, int directory, std::string& temporary, const std::string& name);
    bool replace_leaf(CommitItem& item, int directory, Staged& staged, const std::string& name);
    bool rename_over(CommitItem& item, int directory, std::string& temporary, const std::string& name);
    /// The directory was emptied by the plan's deletes; should something have come into it, both go back to where they
    /// were.
    bool replace_directory(CommitItem& item, int directory, Staged& staged, const std::string& name);
    void replace_by_directory(CommitItem& item, int directory, const std::string& name);
    bool came_back_as_listed(const Entry* expected, int directory, const std::string& aside);
    void remove_leaf(RemoveItem& item, int directory, const std::string& name);
    /// Undoes a change of places: rather the new thing, whose inode is `ours`, is lost than what stood there.
    void take_back(CommitItem& item, int directory, std::string& aside, const std::string& name, uint64_t ours);
    void give_mode(CommitItem& item, int directory, const std::string& name);
    void record(CommitItem& item, int directory, const std::string& name);
    void record_staged(CommitItem& item, int directory, const std::string& name, const Stamp& staged);

    fs::DirectoryCache directories_;
    TouchedInodes& touched_;
};

}  // namespace syncline
