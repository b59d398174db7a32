// Uses of remote directories, the last cleans, and the locks that go with them.
#include "fixture.hpp"
#include "state/lock.hpp"

namespace syncline {
namespace {

RemoteDirectory directory(const std::string& path, TimeNs used, const std::string& job = "thesis") {
    return {{"cse", "me", "cse.example.edu", 22, "SHA256:one"}, path, "/home/me/thesis", job, used};
}

}  // namespace

TEST_CASE("a use is recorded, recorded anew, and forgotten unless it came later") {
    TempDirectory temp;
    Store store(temp.path());
    RemoteDirectory use = directory("~/p/thesis-1", 5);
    use.host.key.clear();
    store.record_use(use);
    CHECK(store.remote_directories() == std::vector{use});
    use.host.key = "SHA256:one";
    use.last_used_at = 7;
    store.record_use(use);
    // Before the server was reached again, its key is not known.
    RemoteDirectory again = use;
    again.host.key.clear();
    again.host.port = 2222;
    again.last_used_at = 9;
    store.record_use(again);
    again.host.key = "SHA256:one";
    CHECK(store.remote_directories() == std::vector{again});
    store.record_use(directory("~/p/thesis-1", 9, "pull"));
    CHECK(store.remote_directories().size() == 2);
    store.forget_remote_directories({use});
    CHECK(store.remote_directories().size() == 2);
    store.forget_remote_directories({again});
    CHECK(store.remote_directories().empty());
}

TEST_CASE("the key decides which server it is, where both are known") {
    HostIdentity one{"cse", "me", "cse.example.edu", 22, "SHA256:one"}, other = one;
    CHECK(is_same_host(one, other));
    other.name = "uni", other.hostname = "10.0.0.1", other.port = 2222;
    CHECK(is_same_host(one, other));
    other.key.clear();
    CHECK_FALSE(is_same_host(one, other));
    other.hostname = one.hostname, other.port = one.port;
    CHECK(is_same_host(one, other));
    other.key = "SHA256:two";
    CHECK_FALSE(is_same_host(one, other));
    other = one;
    other.user = "you";
    CHECK_FALSE(is_same_host(one, other));
}

TEST_CASE("the last clean of each host is kept") {
    TempDirectory temp;
    CleanRecord first{"cse", "me", 1, 2, 3, 4, "85 %", "60 %", ""}, second{"uni", "me", 5, 6, 7, 8, "", "", "lost"};
    {
        Store store(temp.path());
        store.record_clean(first);
        store.record_clean(second);
        first.at = 9;
        store.record_clean(first);
    }
    CHECK(Store(temp.path()).cleans() == std::vector{first, second});
}

TEST_CASE("many share a use, and nobody takes what is shared") {
    TempDirectory temp;
    const std::string path = use_lock_path(temp.path(), "thesis-1");
    std::string holder;
    std::optional<FileLock> one = FileLock::try_share(path), other = FileLock::try_share(path);
    REQUIRE((one && other));
    CHECK_FALSE(FileLock::try_acquire(path, holder));
    one.reset();
    CHECK_FALSE(FileLock::try_acquire(path, holder));
    other.reset();
    std::optional<FileLock> alone = FileLock::try_acquire(path, holder);
    REQUIRE(alone);
    CHECK_FALSE(FileLock::try_share(path));
}

}  // namespace syncline
