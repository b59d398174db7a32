// FileHasher: hashes one file at a time with open, pread, statx and close, and makes sure that the digest is of one
// content. Used by both backends, each worker thread having one of its own.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "fs/fd.hpp"
#include "fs/hash.hpp"
#include "fs/hash_worker.hpp"

namespace syncline::fs {

class FileHasher {
  public:
    FileHasher();
    virtual ~FileHasher() = default;

    /// Answers `item` of `batch`.
    void open_and_hash(const HashBatch& batch, DirectoryCache& directories, HashItem& item);

    /// The same for a file that is open already.
    void hash_open_file(const HashBatch& batch, int file, HashItem& item);

  protected:
    /// Hashes up to `expected` bytes from the start, which is where the file ends unless it is changing. Gives what was
    /// read in `size`; 0 or an errno value.
    virtual int read(const HashBatch& batch, int file, uint64_t expected, HashItem& item, uint64_t& size);

    /// Takes the next bytes of the content, of which `size` came before.
    void take(const HashBatch& batch, std::span<const std::byte> bytes, HashItem& item, uint64_t& size);

    Hasher hasher_;

  private:
    std::string name_;
    std::vector<std::byte> buffer_;
};

/// How a file that is to be hashed is opened. O_NONBLOCK: a FIFO that took its place does not wait for a writer.
int hash_open_flags(Links links);

/// Looks at an open file, which must be a regular one. False when it is not or cannot be looked at: `error` says why.
bool look_at_open_file(int file, Stamp& stamp, std::string& error);

}  // namespace syncline::fs
