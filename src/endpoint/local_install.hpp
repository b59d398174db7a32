// Installer: puts finished things into their places on a local tree, each only while what stands there is what the
// listing saw. Each thread has one of its own.
#pragma once

#include <string>

#include "endpoint/local_item.hpp"
#include "fs/fd.hpp"

namespace syncline {

class Installer {
  public:
    Installer(int target_root, TouchedInodes& touched) : directories_(target_root), touched_(touched) {}

    /// Renames `temporary`, which lies beside the item's place, to that place; empties it when the name is used up.
    void install(CommitItem& item, std::string& temporary);
    void make_directory(CommitItem& item);
    void change_mode(CommitItem& item);
    /// Whether a chmod would change a file under other names too, perhaps outside of the target.
    bool has_other_names(const CommitItem& item);
    void remove(RemoveItem& item);

  private:
    bool rename_to_free_name(CommitItem& item, int directory, const std::string& temporary, const std::string& name);
    /// What stands there and the new file change places, so that what was edited since the last look is seen and goes
    /// back. A file system that cannot exchange keeps that moment's risk.
    bool replace_leaf(CommitItem& item, int directory, const std::string& temporary, const std::string& name);
    /// The directory was emptied by the plan's deletes; should something have come into it, both go back to where they
    /// were.
    bool replace_directory(CommitItem& item, int directory, const std::string& temporary, const std::string& name);
    void replace_by_directory(CommitItem& item, int directory, const std::string& name);
    bool exchange(CommitItem& item, int directory, const std::string& temporary, const std::string& name);
    bool came_back_as_listed(const Entry* expected, int directory, const std::string& temporary);
    /// Renames it aside first, so that what was edited since the last look is seen and goes back.
    void remove_leaf(RemoveItem& item, int directory, const std::string& name);
    /// Of what an exchange brought away. False when it stays, which `item` then says.
    bool remove_replaced(CommitItem& item, int directory, const std::string& temporary);
    /// Undoes an exchange: rather the new file is lost than what came back from its place.
    void take_back(CommitItem& item, int directory, const std::string& temporary, const std::string& name);
    void give_mode(CommitItem& item, int directory, const std::string& name);
    void record(CommitItem& item, int directory, const std::string& name);

    fs::DirectoryCache directories_;
    TouchedInodes& touched_;
};

}  // namespace syncline
