// SftpSide: a tree on a server that gives its users SFTP alone. Every file is several requests, so that many files are
// under way at a time.
//
// SFTP 3 tells neither inode nor ctime, and times in seconds: a stamp here has the mtime for both times and inode 1.
// Content is verified by reading it back.
//
// It has no lock, and no way to act below a directory that was looked at. So the directories on the way to a path are
// looked at before and after what is done there, and what was opened is compared with what was listed; and the name of
// a file in the making tells whose it is: this state's, of which the run's own lock says that nobody writes to them any
// more, or somebody else's, who counts as alive as long as the server's clock says that they were written to lately.
// Nothing is ever written to such a file again: what is of use is copied into a new one (docs/ssh.md).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "async/nursery.hpp"
#include "async/semaphore.hpp"
#include "base/rel_path.hpp"
#include "endpoint/endpoint.hpp"
#include "endpoint/kept_beginnings.hpp"
#include "endpoint/ssh_content.hpp"
#include "endpoint/ssh_fetch.hpp"
#include "ssh/sftp.hpp"

namespace syncline {

/// What SFTP says of an entry, as far as it says anything.
RemoteEntry to_remote_entry(const ssh::SftpAttributes& attributes);

class SftpSide {
  public:
    /// `root` is absolute. All live as long as the side.
    /// `owner`, 8 hex digits, tells this state's files in the making from others'.
    SftpSide(ssh::Sftp& sftp, asio::any_io_executor executor, std::string root, std::string owner, TransferMeans means,
             KeptBeginnings& kept)
        : sftp_(sftp),
          under_way_(executor, most_under_way),
          root_(std::move(root)),
          owner_(std::move(owner)),
          means_(means),
          kept_(kept) {}

    /// `directory` as of sftp_path_of_directory(); makes it and its parents when told so.
    static Task<RootReport> inspect(ssh::Sftp& sftp, std::string directory, std::string remote_root,
                                    std::optional<uint16_t> create_mode);

    Task<Listing> list(ListRequest request, Progress& progress);
    Task<void> digest(const Tree& tree, std::vector<DigestItem>& items, Progress& progress);
    Task<void> commit(ContentSource content, std::vector<CommitItem>& items, Progress& progress);
    Task<void> remove(std::vector<RemoveItem>& items, Progress& progress);
    /// Removes leftovers of runs that cannot be under way any more, but for those that a commit may go on with.
    Task<void> sweep(std::vector<std::string> leftovers);
    /// Removes what no commit had a use for.
    Task<void> discard_kept();
    Task<void> fetch(const Tree& tree, std::vector<FetchedFile>& files, FetchDirectory& directory, Progress& progress);

  private:
    static constexpr size_t most_under_way = 32;

    struct Directory {
        std::string path;
        std::vector<ssh::SftpName> names;
        std::vector<std::string> links;  ///< targets, of the names that are symlinks, in their order
        std::string error;
        bool is_listed = false;
    };

    /// A file in the making.
    struct Staged {
        std::string path;                               ///< absolute
        std::optional<KeptBeginnings::Beginning> kept;  ///< what an attempt before left, below the root
        uint64_t kept_bytes = 0;                        ///< of it, that were copied
        ssh::SftpHandle handle;
        ssh::SftpAttributes created;   ///< its attributes when it was new
        ssh::SftpAttributes finished;  ///< and when it was ready to be renamed
    };

    /// For a body whose children are all it is.
    static Task<void> nothing_more() { co_return; }
    std::string absolute(std::string_view path) const;
    Task<void> tell_closed_from_empty(Directory& directory);
    Task<void> list_one(Directory& directory, ListingBudget& budget);
    void replay(RemoteTree& tree, const std::map<std::string, Directory, PathLess>& all, const std::string& path);
    Task<void> digest_one(const Tree& tree, DigestItem& item, Progress& progress);
    Task<void> put_one(ContentSource content, CommitItem& item, Progress& progress);
    Task<bool> upload(ContentSource content, CommitItem& item, Staged& staged, Progress& progress);
    Task<bool> create(CommitItem& item, Staged& staged);
    Task<void> take_beginning(Staged& staged);
    Task<bool> send(CommitItem& item, Staged& staged, FileInput& input, SentItem& sent);
    Task<std::string> verify(Staged& staged, uint64_t size, Digest& digest);
    Task<bool> open_input(FileInput& input, uint64_t kept_bytes);
    Task<void> link_one(CommitItem& item);
    Task<void> install(CommitItem& item, const Staged& staged);
    Task<void> make_directory(CommitItem& item);
    Task<void> change_mode(CommitItem& item);
    Task<bool> is_expected(CommitItem& item);
    // ssh_sftp_way.cpp: paths are relative to the root.
    Task<void> look_at_directory(std::string path, uint8_t& is_directory);
    Task<bool> is_way_clear(std::string path);
    Task<bool> is_as_listed_now(const Entry* expected, std::string path);
    Task<std::optional<ssh::SftpAttributes>> entry_in_place(const Entry* listed, std::string path);
    Task<std::string> hash_of(ssh::SftpHandle file, uint64_t size, ssh::OutputSink& sink);
    /// What the server's clock says, and whose its files are: by a file that is made for it.
    Task<std::optional<ssh::SftpAttributes>> look_at_new_file();
    Task<void> sweep_one(const std::string& path, const ssh::SftpAttributes& fresh);
    Task<void> fetch_one(const Tree& tree, FetchedFile& file, FetchDirectory& directory, Progress& progress);

    ssh::Sftp& sftp_;
    Semaphore under_way_;
    std::string root_;
    std::string owner_;
    TransferMeans means_;
    KeptBeginnings& kept_;
};

}  // namespace syncline
