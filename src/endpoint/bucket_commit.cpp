#include "endpoint/bucket_commit.hpp"

#include <asio/this_coro.hpp>

#include "endpoint/archive_manifest.hpp"
#include "endpoint/bucket_listing.hpp"
#include "endpoint/bucket_multipart.hpp"
#include "endpoint/bucket_sums.hpp"
#include "endpoint/local_item.hpp"
#include "endpoint/ssh_content.hpp"

namespace syncline {
namespace {

constexpr size_t large_files_at_once = 2;

bool is_directory_item(const CommitItem& item) {
    if (item.op != Op::chmod) return item.op == Op::mkdir;
    // What the listing did not see is a directory that this run made.
    return item.expected == nullptr || item.expected->kind == Kind::directory;
}

}  // namespace

Task<void> BucketCommit::run(std::vector<CommitItem>& items) {
    std::vector<CommitItem*> simple, small, large;
    for (CommitItem& item : items) {
        if (is_reserved_for_archives(item.path)) {
            item.error = "has a name that is kept for archives; rename it";
            continue;
        }
        bool is_simple = item.op == Op::symlink || is_directory_item(item);
        if (item.op == Op::chmod) item.records_mode = true;
        (is_simple ? simple : item.source.size >= bucket_part_bytes ? large : small).push_back(&item);
    }
    IndexedWork put_one = [&](size_t i) { return put_simple(*simple[i]); };
    co_await for_each_index(simple.size(), bucket_lanes, put_one);
    auto executor = co_await asio::this_coro::executor;
    ContentLoader loader(executor, means_.workers, content_, small);
    IndexedWork put_next = [&](size_t) { return put_small(loader); };
    co_await for_each_index(small.size(), bucket_lanes, put_next);
    IndexedWork put_big = [&](size_t i) { return put_large(*large[i]); };
    co_await for_each_index(large.size(), large_files_at_once, put_big);
}

Task<void> BucketCommit::put_simple(CommitItem& item) {
    auto putting = item.op == Op::symlink ? put_symlink(item) : put_directory(item);
    co_await std::move(putting);
    if (item.error.empty() && item.op == Op::symlink) ++progress_.files_done;
}

Task<void> BucketCommit::put_directory(CommitItem& item) {
    bool replaces_file = item.expected != nullptr && item.expected->kind != Kind::directory;
    if (replaces_file) {
        auto removing = remove_replaced(item, means_.keys.file_key(item.path));
        co_await std::move(removing);
        if (!item.error.empty()) co_return;
    }
    ObjectFacts facts;
    facts.mode = item.mode;
    s3::Payload nothing("");
    auto putting = putter_.put(item, means_.keys.directory_key(item.path), nothing, facts);
    co_await std::move(putting);
    item.target_stamp = {};
    item.target_mode = item.mode;
}

Task<void> BucketCommit::put_symlink(CommitItem& item) {
    ObjectFacts facts;
    facts.link = std::string(item.link);
    std::string body = link_body(sha256_of(item.link));
    s3::Payload payload(body);
    auto putting = putter_.put(item, means_.keys.file_key(item.path), payload, facts);
    co_await std::move(putting);
    item.target_mode = 0777;
    bool replaces_directory = item.expected != nullptr && item.expected->kind == Kind::directory;
    if (!replaces_directory || !item.error.empty()) co_return;
    auto removing = remove_replaced(item, means_.keys.directory_key(item.path));
    co_await std::move(removing);
}

Task<void> BucketCommit::put_small(ContentLoader& loader) {
    auto loading = loader.next();
    std::unique_ptr<LoadedFile> file = co_await std::move(loading);
    if (!file || !file->is_read) co_return;
    if (file->bytes.size() >= bucket_part_bytes) {  // it grew
        file->bytes = {};
        auto sending = put_large(*file->item);
        co_await std::move(sending);
        co_return;
    }
    auto putting = put_loaded(*file);
    co_await std::move(putting);
}

Task<void> BucketCommit::put_loaded(LoadedFile& file) {
    CommitItem& item = *file.item;
    ObjectFacts facts;
    facts.sha256 = file.sha256;
    facts.mode = mode_of(item);
    facts.mtime = file.mtime;
    s3::Payload payload(file.bytes, file.sha256, file.md5);
    auto putting = putter_.put(item, means_.keys.file_key(item.path), payload, facts);
    co_await std::move(putting);
    if (!item.error.empty()) co_return;
    item.committed = file.sha256;
    item.source_stamp = file.stamp;
    item.target_mode = mode_of(item);
    progress_.bytes_done += file.bytes.size();
    ++progress_.files_done;
    bool replaces_directory = item.expected != nullptr && item.expected->kind == Kind::directory;
    if (!replaces_directory) co_return;
    auto removing = remove_replaced(item, means_.keys.directory_key(item.path));
    co_await std::move(removing);
}

Task<void> BucketCommit::put_large(CommitItem& item) {
    MultipartUpload upload(means_, putter_, content_, uploads_, progress_);
    auto sending = upload.send(item);
    co_await std::move(sending);
    bool replaces_directory = item.expected != nullptr && item.expected->kind == Kind::directory;
    if (!replaces_directory || !item.error.empty()) co_return;
    auto removing = remove_replaced(item, means_.keys.directory_key(item.path));
    co_await std::move(removing);
}

/// What stands under the other of the two keys of a path.
Task<void> BucketCommit::remove_replaced(CommitItem& item, std::string key) {
    bool is_marker = key.ends_with('/');
    bool may_go = true;
    if (!is_marker) {
        auto looking = putter_.still_holds(key, *item.expected);
        may_go = co_await std::move(looking);
    }
    if (!may_go) {
        fail_changed(item);
        co_return;
    }
    std::vector<std::string> keys{std::move(key)};
    auto removing = means_.s3.delete_many(std::move(keys));
    std::vector<s3::DeleteFailure> failures = co_await std::move(removing);
    if (!failures.empty()) item.error = failures.front().why;
}

}  // namespace syncline
