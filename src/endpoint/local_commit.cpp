#include "endpoint/local_commit.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/rel_path.hpp"
#include "endpoint/local_install.hpp"
#include "endpoint/local_stage.hpp"
#include "fs/parallel.hpp"

namespace syncline {
namespace {

bool changes_in_place(const CommitItem& item) { return item.op == Op::chmod || item.op == Op::touch; }

}  // namespace

LocalCommit::LocalCommit(int target_root, ContentSource content, Options options, std::stop_token stop,
                         Progress& progress, TouchedInodes& touched, fs::RateLimiter& limiter, KeptBeginnings& kept)
    : root_(target_root),
      content_(content),
      options_(options),
      stop_(std::move(stop)),
      progress_(progress),
      touched_(touched),
      limiter_(limiter),
      kept_(kept) {}

void LocalCommit::run(std::vector<CommitItem>& items) {
    staged_.clear();
    staged_.resize(items.size());
    is_copied_.assign(items.size(), 0);
    Installer installer(root_, touched_);
    for (CommitItem& item : items) {
        if (item.op == Op::mkdir) installer.make_directory(item);
    }
    try {
        stage_all(items);
        if (options_.fsync && ::syncfs(root_) != 0) throw errno_error("flush", "the target's file system", errno);
        install_all(items);
    } catch (...) {
        remove_staged(items, true);
        throw;
    }
    remove_staged(items, false);
    for (size_t i = 0; i < items.size(); ++i) {
        if (changes_in_place(items[i]) && !is_copied_[i]) installer.change_mode(items[i]);
    }
}

/// Contiguous slices keep the files of one directory on one thread; a few large files are spread over all.
size_t LocalCommit::slice_of(size_t count) const { return std::clamp<size_t>(count / (options_.threads * 4), 1, 256); }

void LocalCommit::stage_all(std::vector<CommitItem>& items) {
    fs::parallel_slices(items.size(), slice_of(items.size()), options_.threads, [&](size_t begin, size_t end) {
        Stager stager(root_, content_, stop_, progress_, limiter_, kept_);
        Installer installer(root_, touched_);
        for (size_t i = begin; i < end; ++i) {
            if (stop_.stop_requested()) throw Cancelled();
            if (changes_in_place(items[i]) && installer.has_other_names(items[i])) stage_copy(items[i], i);
            if (items[i].op != Op::put && items[i].op != Op::symlink) continue;
            stager.stage(items[i], staged_[i]);
            ++progress_.files_done;
        }
        if (stager.loses_times() && options_.loses_times != nullptr) *options_.loses_times = true;
    });
}

/// A file with several names gets its mode or time as a copy that has only this one.
void LocalCommit::stage_copy(CommitItem& item, size_t index) {
    is_copied_[index] = 1;
    Stager(root_, ContentSource{root_, false}, stop_, progress_, limiter_, kept_).stage(item, staged_[index]);
}

void LocalCommit::install_all(std::vector<CommitItem>& items) {
    fs::parallel_slices(items.size(), slice_of(items.size()), options_.threads, [&](size_t begin, size_t end) {
        Installer installer(root_, touched_);
        for (size_t i = begin; i < end; ++i) {
            if (staged_[i].name.empty()) continue;
            installer.install(items[i], staged_[i]);
            staged_[i].lock.close();
        }
    });
}

void LocalCommit::remove_staged(const std::vector<CommitItem>& items, bool is_cut) {
    fs::DirectoryCache directories(root_);
    for (size_t i = 0; i < items.size(); ++i) {
        if (staged_[i].name.empty() || (is_cut && Stager::is_kept_when_cut(items[i], content_))) continue;
        int directory = directories.open(parent_path(items[i].path));
        if (directory >= 0) ::unlinkat(directory, staged_[i].name.c_str(), 0);
        staged_[i].name.clear();
    }
}

}  // namespace syncline
