// S3Client::delete_many(): 1,000 keys a request, or one by one.
#include <algorithm>

#include "async/nursery.hpp"
#include "base/text.hpp"
#include "s3/client.hpp"
#include "s3/client_impl.hpp"
#include "s3/xml.hpp"

namespace syncline::s3 {
namespace {

constexpr size_t batch_size = 1000;

class Removal {
  public:
    explicit Removal(ClientImpl& client) : client_(client) {}

    Task<void> remove_batch(std::vector<std::string> keys) {
        const auto body = write_delete(keys);
        std::optional<std::vector<DeleteFailure>> refused;
        Call call("POST", "delete objects", "");
        call.query = {{"delete", ""}};
        call.headers = {"Content-Type: application/xml"};
        call.payload = Payload(body);
        call.check = [&refused](const HttpResponse& response) -> std::optional<Answer> {
            refused = read_deleted(response.body);
            if (refused) return std::nullopt;
            if (auto error = read_error(response.body)) return error;
            throw TransportError(Failure::lost, "the answer is no whole DeleteResult");
        };
        try {
            auto sending = client_.send(std::move(call));
            co_await std::move(sending);
        } catch (const S3Error& error) {
            if (error.failure() != Failure::unsupported) throw;
        }
        if (!refused) {
            has_batches_ = false;
            auto single = remove_singly(std::move(keys));
            co_await std::move(single);
            co_return;
        }
        std::vector<std::string> again;
        for (auto& failure : *refused) keep_failure(std::move(failure), again);
        if (again.empty()) co_return;
        auto single = remove_singly(std::move(again));
        co_await std::move(single);
    }

    Task<void> remove_singly(std::vector<std::string> keys) {
        for (auto& key : keys) nursery_->spawn(remove_one(std::move(key)));
        co_return;
    }

    Task<void> remove_one(std::string key) {
        Call call("DELETE", "delete", key);
        try {
            auto sending = client_.send(std::move(call));
            co_await std::move(sending);
        } catch (const S3Error& error) {
            if (error.failure() == Failure::no_key) co_return;
            if (!error.concerns_one_key()) throw;
            failures.push_back({key, error.answer().code, error.what()});
        }
    }

    Task<void> run(Nursery& nursery, std::vector<std::string>& keys) {
        nursery_ = &nursery;
        std::vector<std::string> batch;
        std::vector<std::string> odd;
        for (auto& key : keys) (fits_xml(key) ? batch : odd).push_back(std::move(key));
        auto single = remove_singly(std::move(odd));
        co_await std::move(single);
        for (size_t at = 0; at < batch.size(); at += batch_size) {
            const auto end = std::min(batch.size(), at + batch_size);
            std::vector<std::string> part(std::make_move_iterator(batch.begin() + static_cast<ptrdiff_t>(at)),
                                          std::make_move_iterator(batch.begin() + static_cast<ptrdiff_t>(end)));
            auto removing = has_batches_ ? remove_batch(std::move(part)) : remove_singly(std::move(part));
            co_await std::move(removing);
        }
    }

    std::vector<DeleteFailure> failures;

  private:
    /// A fault of the server with one key of a batch is repeated for that key, with the patience that any request has.
    void keep_failure(DeleteFailure failure, std::vector<std::string>& again) {
        Answer answer;
        answer.status = 200;
        answer.code = failure.code.empty() ? "InternalError" : failure.code;
        answer.message = failure.why;
        const auto kind = judge(answer).value_or(Failure::server);
        if (kind == Failure::no_key) return;
        if (may_repeat(kind, answer)) {
            again.push_back(failure.key);
            return;
        }
        const Operation operation{"delete", failure.key};
        failure.why = describe(client_.settings(), operation, kind, answer, client_.clock_offset(), 1).what();
        failures.push_back(std::move(failure));
    }

    ClientImpl& client_;
    Nursery* nursery_ = nullptr;
    bool has_batches_ = true;
};

}  // namespace

Task<std::vector<DeleteFailure>> S3Client::delete_many(std::vector<std::string> keys) {
    Removal removal(*impl_);
    auto body = [&](Nursery& nursery) { return removal.run(nursery, keys); };
    co_await with_nursery(body);
    co_return std::move(removal.failures);
}

}  // namespace syncline::s3
