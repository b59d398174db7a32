#include "endpoint/ssh_pull.hpp"

#include "core/baseline.hpp"
#include "endpoint/ssh_resume.hpp"

namespace syncline {
namespace {

constexpr size_t fetches_a_channel = 16;

}  // namespace

Task<void> Pull::run(std::vector<uint32_t> indices, Transfer wanted, TimeNs listed_at) {
    files_.resize(indices.size());
    on_server_.resize(indices.size());
    for (size_t i = 0; i < indices.size(); ++i) files_[i].index = indices[i];
    auto look = [this](std::stop_token) { look_at_kept(); };
    if (directory_.is_taken_over()) {
        co_await offload(means_.workers, look);
        co_await drop_outdated();
    }
    bool can_stream = place_.tools.can_give_tar();
    std::chrono::microseconds round_trip = place_.shell->lease().session().round_trip();
    WayChooser chooser(can_stream ? wanted : Transfer::files, round_trip, files_.size());
    co_await bring(chooser);
    co_await verify(listed_at);
}

/// What is whole only has to be hashed; what is longer than the file is of another one.
void Pull::look_at_kept() {
    for (FetchedFile& file : files_) {
        std::string_view path = tree_.path(file.index);
        file.kept_bytes = directory_.kept_bytes(path);
        if (file.kept_bytes == tree_[file.index].stamp.size) hash_kept(file);
        if (file.kept_bytes > tree_[file.index].stamp.size) file.kept_bytes = 0;
    }
}

void Pull::hash_kept(FetchedFile& file) const {
    std::vector<FetchedFile> one{file};
    FetchWriter writer(directory_.fd(), tree_, one, progress_);
    if (file.kept_bytes == 0) return;
    if (!writer.reopen()) return;
    writer.end();
    file = one.front();
}

/// What is whole here is of use only when it is what the server has now.
Task<void> Pull::drop_outdated() {
    std::vector<FetchedFile*> whole;
    for (FetchedFile& file : files_) {
        if (file.arrived) whole.push_back(&file);
    }
    co_await hash_on_server(whole);
    for (FetchedFile* file : whole) {
        std::optional<DigestItem>& item = on_server_[place_of(*file)];
        if (item->error.empty() && item->digest == file->digest) continue;
        uint32_t index = file->index;
        *file = FetchedFile();
        file->index = index;
        item.reset();
    }
}

Task<void> Pull::bring(const WayChooser& chooser) {
    std::vector<FetchedFile*> alone, in_stream;
    for (FetchedFile& file : files_) {
        if (file.arrived) continue;
        Way way = chooser.choose(tree_[file.index].stamp.size, file.kept_bytes);
        (way == Way::file ? alone : in_stream).push_back(&file);
    }
    try {
        co_await bring_by_sftp(alone);
        alone.clear();
    } catch (const ssh::SshError& error) {
        bool can_do_without = error.failure() == ssh::Failure::no_sftp && place_.tools.can_give_tar();
        if (!can_do_without) throw;
    }
    // In path order, as the stream's reader expects them.
    for (FetchedFile* file : alone) file->kept_bytes = 0;
    in_stream.insert(in_stream.end(), alone.begin(), alone.end());
    std::sort(in_stream.begin(), in_stream.end());
    co_await bring_by_tar(in_stream);
}

Task<void> Pull::bring_by_sftp(std::vector<FetchedFile*> files) {
    if (files.empty()) co_return;
    std::vector<PrefixItem> prefixes;
    for (const FetchedFile* file : files) {
        if (file->kept_bytes > 0)
            prefixes.emplace_back(tree_.path(file->index), tree_[file->index].stamp.inode, file->kept_bytes);
    }
    co_await digest_prefixes(place_, prefixes);
    auto next = prefixes.begin();
    for (FetchedFile* file : files) {
        if (file->kept_bytes > 0) file->kept = (next++)->digest;
    }
    SftpLanes::Work each = [this, &files](ssh::Sftp& sftp, size_t i) { return bring_file(sftp, *files[i]); };
    auto body = [&](Nursery& nursery) { return bring_and_hash(files, each, nursery); };
    co_await with_nursery(body);
}

/// The shell has nothing to do while files come: it hashes them. What changes after that has another digest here.
Task<void> Pull::bring_and_hash(const std::vector<FetchedFile*>& files, SftpLanes::Work work, Nursery& nursery) {
    SftpLanes lanes(host_, *place_.shell);
    co_await lanes.open_first();  // where there is none, the shell is still needed, and at rest
    nursery.spawn(hash_on_server(files));
    co_await lanes.run(files.size(), fetches_a_channel, work);
}

Task<void> Pull::hash_on_server(std::vector<FetchedFile*> files) {
    std::vector<DigestItem> items;
    for (const FetchedFile* file : files) items.emplace_back().index = file->index;
    if (items.empty()) co_return;
    ShellSide side(place_, means_);
    co_await side.digest(tree_, items, progress_);
    for (size_t i = 0; i < files.size(); ++i) on_server_[place_of(*files[i])] = items[i];
}

Task<void> Pull::bring_file(ssh::Sftp& sftp, FetchedFile& file) {
    std::string path = place_.root + "/" + std::string(tree_.path(file.index));
    co_await fetch_by_sftp(sftp, path, tree_, file, directory_.fd(), means_, progress_);
    ++progress_.files_done;
}

Task<void> Pull::bring_by_tar(std::vector<FetchedFile*> files) {
    if (files.empty()) co_return;
    std::vector<FetchedFile> copies;
    for (const FetchedFile* file : files) copies.push_back(*file);
    co_await fetch_by_tar(place_, tree_, copies, directory_.fd(), means_, progress_);
    for (size_t i = 0; i < files.size(); ++i) *files[i] = copies[i];
}

/// What is not on the server as it came here is thrown away again.
Task<void> Pull::verify(TimeNs listed_at) {
    std::vector<FetchedFile*> others;
    for (size_t i = 0; i < files_.size(); ++i) {
        if (!on_server_[i]) others.push_back(&files_[i]);
    }
    co_await hash_on_server(others);
    directory_.contents.clear();
    for (size_t i = 0; i < files_.size(); ++i) {
        std::string path(tree_.path(files_[i].index));
        const DigestItem& item = *on_server_[i];
        FetchedContent& content = directory_.contents[path];
        content.error = item.error.empty() ? files_[i].error : item.error;
        if (content.error.empty() && !files_[i].arrived) content.error = "did not come whole; see its permissions";
        bool differs = content.error.empty() && item.digest != files_[i].digest;
        if (differs)
            content.error = "changed on the server while it was fetched; it will be tried again at the next run";
        if (!content.error.empty()) directory_.remove_file(path);
        content.digest = files_[i].digest;
        content.source = is_racy(item.stamp, listed_at) ? Stamp{} : item.stamp;
        content.source.size = item.stamp.size;
    }
}

}  // namespace syncline
