#include "s3/lister.hpp"

#include "base/text.hpp"
#include "s3/client_impl.hpp"
#include "s3/xml.hpp"

namespace syncline::s3 {
namespace {

constexpr unsigned most_empty_pages = 1000;

std::optional<Answer> check_list(const HttpResponse& response, std::optional<ListDocument>& document) {
    document = read_list(response.body);
    if (!document) {
        if (auto error = read_error(response.body)) return error;
        throw TransportError(Failure::listing, "a page is no whole ListBucketResult");
    }
    // With a delimiter, each prefix counts too.
    const auto count = document->page.objects.size() + document->page.prefixes.size();
    if (document->key_count && *document->key_count != count) {
        throw TransportError(Failure::listing, "a page holds " + count_of(count, "entry") + " and says that it holds " +
                                                   std::to_string(*document->key_count));
    }
    return std::nullopt;
}

/// Why `names` cannot be what follows `last`; "" when they can.
template <class Items, class NameOf>
std::string order_trouble(const Items& items, NameOf name_of, const std::string& prefix, std::string& last,
                          bool& has_last) {
    for (const auto& item : items) {
        const std::string_view name = name_of(item);
        if (!name.starts_with(prefix))
            return "'" + escape(name) + "' does not begin with the prefix that was asked for";
        if (has_last && name <= last) return "'" + escape(name) + "' comes after '" + escape(last) + "'";
        last = name;
        has_last = true;
    }
    return {};
}

}  // namespace

Lister::Lister(ClientImpl& client, std::string prefix, std::string delimiter)
    : client_(client), prefix_(std::move(prefix)), delimiter_(std::move(delimiter)) {}

void Lister::fail(const std::string& why) const {
    const auto& settings = client_.settings();
    throw S3Error(Failure::listing,
                  "bucket '" + settings.name + "' (" + settings.bucket + " at " + settings.endpoint +
                      "): cannot list '" + escape(prefix_) + "': " + why +
                      "; nothing is decided by such a listing, run it again",
                  {}, settings.bucket);
}

Task<std::optional<ListPage>> Lister::next() {
    if (ended_) co_return std::nullopt;
    Call call("GET", "list", "");
    call.query = {{"encoding-type", "url"}, {"list-type", "2"}, {"max-keys", "1000"}, {"prefix", prefix_}};
    if (!delimiter_.empty()) call.query["delimiter"] = delimiter_;
    if (!token_.empty()) call.query["continuation-token"] = token_;
    std::optional<ListDocument> document;
    call.check = [&document](const HttpResponse& response) { return check_list(response, document); };
    auto sending = client_.send(std::move(call));
    co_await std::move(sending);
    ++pages_;
    auto key_of = [](const ListedObject& object) -> std::string_view { return object.key; };
    auto prefix_of = [](const std::string& name) -> std::string_view { return name; };
    auto trouble = order_trouble(document->page.objects, key_of, prefix_, last_key_, has_key_);
    if (trouble.empty())
        trouble = order_trouble(document->page.prefixes, prefix_of, prefix_, last_prefix_, has_prefix_);
    if (!trouble.empty()) fail(trouble);
    ended_ = !document->truncated;
    if (!ended_) {
        if (document->token.empty()) fail("it ends early: more is said to follow, but not where");
        if (document->token == token_) fail("the same page is announced again");
        const bool is_empty = document->page.objects.empty() && document->page.prefixes.empty();
        empty_pages_ = is_empty ? empty_pages_ + 1 : 0;
        if (empty_pages_ > most_empty_pages) fail("pages without end hold nothing");
        token_ = document->token;
    }
    co_return std::move(document->page);
}

}  // namespace syncline::s3
