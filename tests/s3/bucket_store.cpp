#include "bucket_store.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <asio/this_coro.hpp>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "../async/run_task.hpp"

namespace syncline::s3 {
namespace {

/// The store's process: it ends when its standard input does, so also when this program dies.
class StoreProcess {
  public:
    StoreProcess() {
        char name[] = "/tmp/syncline-s3-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        directory_ = name;
        int input[2];
        int output[2];
        REQUIRE(::pipe2(input, O_CLOEXEC) == 0);
        REQUIRE(::pipe2(output, O_CLOEXEC) == 0);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, input[0], STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
        const std::string place = (directory_ / "store").string();
        const char* arguments[] = {"/usr/bin/python3", BUCKET_SERVER, place.c_str(), nullptr};
        REQUIRE(::posix_spawn(&pid_, arguments[0], &actions, nullptr, const_cast<char**>(arguments), environ) == 0);
        posix_spawn_file_actions_destroy(&actions);
        ::close(input[0]);
        ::close(output[1]);
        input_ = input[1];
        read_description(output[0]);
    }
    ~StoreProcess() {
        ::close(input_);
        ::waitpid(pid_, nullptr, 0);
        std::error_code ignored;
        std::filesystem::remove_all(directory_, ignored);
    }
    StoreProcess(const StoreProcess&) = delete;
    StoreProcess& operator=(const StoreProcess&) = delete;

    Store store;

  private:
    void read_description(int fd) {
        std::string text;
        char c = 0;
        while (::read(fd, &c, 1) == 1 && c != '\n') text += c;
        ::close(fd);
        INFO("the store did not start; are ceph-mon, ceph-osd, radosgw and ceph-common installed?");
        REQUIRE(!text.empty());
        const auto document = nlohmann::json::parse(text);
        store.endpoint = document["endpoint"];
        store.tls_endpoint = document["tls_endpoint"];
        store.certificate = document["certificate"];
        for (size_t i = 0; i < 2; ++i) store.users[i] = {document["users"][i][0], document["users"][i][1]};
    }

    std::filesystem::path directory_;
    pid_t pid_ = -1;
    int input_ = -1;
};

Task<void> use_client(S3Settings settings, const Work& work) {
    auto executor = co_await asio::this_coro::executor;
    S3Client client(executor, std::move(settings));
    co_await work(client);
}

Task<void> make_and_use(S3Client& client, const Work& work) {
    co_await client.create_bucket();
    co_await work(client);
}

}  // namespace

const Store& store() {
    static StoreProcess process;
    return process.store;
}

std::string new_bucket_name() {
    static int count = 0;
    return "bucket-" + std::to_string(++count);
}

Patience short_patience() {
    Patience patience;
    patience.base_delay = Duration(5);
    patience.longest_delay = Duration(40);
    patience.connect = Duration(5'000);
    patience.answer = Duration(20'000);
    return patience;
}

S3Settings Store::settings(const std::string& bucket, size_t user) const {
    S3Settings settings;
    settings.name = "test";
    settings.provider = Provider::generic;
    settings.bucket = bucket;
    settings.region = "us-east-1";
    settings.endpoint = endpoint;
    settings.patience = short_patience();
    settings.credentials.key_variable = "KEY";
    settings.credentials.secret_variable = "SECRET";
    const auto& who = users[user];
    settings.environment = [who](const std::string& name) {
        return name == "KEY" ? who.access_key : name == "SECRET" ? who.secret_key : std::string();
    };
    return settings;
}

void with_client(const S3Settings& settings, const Work& work) { run_task(use_client(settings, work)); }

void with_bucket(const Work& work) {
    const Work making = [&](S3Client& client) { return make_and_use(client, work); };
    with_client(store().settings(new_bucket_name()), making);
}

S3Error failure_of(const S3Settings& settings, const Work& work) {
    std::optional<S3Error> failure;
    try {
        with_client(settings, work);
    } catch (const S3Error& error) {
        failure = error;
    }
    REQUIRE(failure);
    return *failure;
}

}  // namespace syncline::s3
