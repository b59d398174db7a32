#include "cli/bucket_check.hpp"

#include <cstdlib>
#include <random>

#include "base/text.hpp"

namespace syncline::cli {
namespace {

constexpr Duration tolerable_skew = std::chrono::minutes(5);

std::string probe_key(const std::string& prefix) {
    std::random_device random;
    return prefix + (prefix.empty() || prefix.ends_with('/') ? "" : "/") + ".syncline-check-" +
           std::to_string(random());
}

std::string advice_for(const s3::S3Error& error, const std::string& right) {
    using F = s3::Failure;
    switch (error.failure()) {
        case F::denied: return "give the key the right " + right + " (docs/buckets.md)";
        case F::credentials: return "see `credentials` of its table, and the variables or profile it names";
        case F::clock: return "set this machine's clock, for instance by NTP";
        case F::no_bucket: return "make the bucket at the provider, or correct `bucket`";
        case F::redirected: return "correct `region` or `endpoint`";
        case F::tls: return "see the certificate of `endpoint`; SSL_CERT_FILE names another CA";
        case F::connect: return "see `endpoint`, the network and a proxy";
        default: return "again; if it stays, ask the provider with the request id";
    }
}

class BucketCheck {
  public:
    BucketCheck(s3::S3Client& client, std::string prefix) : client_(client), prefix_(std::move(prefix)) {
        subject_ = "bucket " + client.settings().name + " (" + s3::bucket_url(client.settings()) + ")";
    }

    Task<Findings> run() {
        auto listing = client_.check_access();
        bool listed = co_await attempt(std::move(listing), "may be listed", "s3:ListBucket");
        add_clock();
        if (!listed) co_return findings_;
        std::string key = probe_key(prefix_);
        s3::PutRequest request(key, s3::Payload("syncline check\n"));
        auto putting = put(std::move(request));
        bool written = co_await attempt(std::move(putting), "may be written to", "s3:PutObject");
        if (!written) co_return findings_;
        auto reading = read(key);
        co_await attempt(std::move(reading), "may be read", "s3:GetObject");
        auto removing = remove(key);
        bool removed = co_await attempt(std::move(removing), "may be deleted from", "s3:DeleteObject");
        if (!removed) findings_.back().advice += "; the check left the object " + escape(key) + " there";
        co_return findings_;
    }

  private:
    Task<void> put(s3::PutRequest request) {
        auto putting = client_.put(std::move(request));
        co_await std::move(putting);
    }

    Task<void> read(std::string key) {
        s3::StringBody body(64);
        auto getting = client_.get(s3::GetRequest(std::move(key)), body);
        co_await std::move(getting);
    }

    Task<void> remove(std::string key) {
        std::vector<std::string> keys{std::move(key)};
        auto deleting = client_.delete_many(std::move(keys));
        std::vector<s3::DeleteFailure> failures = co_await std::move(deleting);
        if (failures.empty()) co_return;
        throw s3::S3Error(s3::Failure::denied,
                          "the object " + escape(failures.front().key) + " stays: " + failures.front().why);
    }

    Task<bool> attempt(Task<void> step, std::string success, std::string right) {
        try {
            co_await std::move(step);
            findings_.push_back({"ok", subject_, success, ""});
            co_return true;
        } catch (const s3::S3Error& error) {
            findings_.push_back({"error", subject_, error.what(), advice_for(error, right)});
        }
        co_return false;
    }

    void add_clock() {
        std::optional<Duration> offset = client_.clock_offset();
        if (!offset) return;
        Duration apart = *offset < Duration::zero() ? -*offset : *offset;
        if (apart < tolerable_skew) {
            findings_.push_back({"ok", subject_, "its clock and this one agree", ""});
            return;
        }
        findings_.push_back({"error", subject_, "its clock and this one are " + format_duration(apart) + " apart",
                             "set this machine's clock, for instance by NTP"});
    }

    s3::S3Client& client_;
    std::string prefix_, subject_;
    Findings findings_;
};

}  // namespace

Task<Findings> check_bucket(s3::S3Client& client, std::string prefix) {
    BucketCheck check(client, std::move(prefix));
    co_return co_await check.run();
}

}  // namespace syncline::cli
