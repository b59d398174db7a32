#include "memory_store.hpp"

#include "endpoint/bucket_sums.hpp"

namespace syncline::s3 {
namespace {

std::string decode(std::string_view text) {
    std::string result;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            result += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
            i += 2;
        } else {
            result += text[i];
        }
    }
    return result;
}

std::string encode(std::string_view text) {
    std::string result;
    for (unsigned char c : text) {
        bool is_plain = std::isalnum(c) != 0 || c == '/' || c == '-' || c == '.' || c == '_';
        if (is_plain) {
            result += static_cast<char>(c);
        } else {
            result += '%';
            result += "0123456789ABCDEF"[c >> 4];
            result += "0123456789ABCDEF"[c & 15];
        }
    }
    return result;
}

std::string etag_of_bytes(std::string_view bytes) {
    std::string etag;
    for (unsigned char c : md5_text(bytes)) etag += "0123456789abcdef"[c >> 4], etag += "0123456789abcdef"[c & 15];
    return etag;
}

std::string query_of(const SeenRequest& request) {
    size_t mark = request.target.find('?');
    return mark == std::string::npos ? "" : request.target.substr(mark + 1);
}

std::string parameter(const std::string& query, const std::string& name) {
    std::string all = "&" + query;
    size_t at = all.find("&" + name + "=");
    if (at == std::string::npos) return "";
    at += name.size() + 2;
    return decode(all.substr(at, all.find('&', at) - at));
}

std::string header(const SeenRequest& request, const std::string& name) {
    auto found = request.headers.find(name);
    return found == request.headers.end() ? "" : found->second;
}

std::string etag_line(const std::string& etag) { return "ETag: \"" + etag + "\"\r\n"; }

}  // namespace

std::string key_of(const SeenRequest& request) {
    std::string path = request.target.substr(0, request.target.find('?'));
    std::string start = "/bucket/";
    return path.starts_with(start) ? decode(path.substr(start.size())) : "";
}

bool is_list(const SeenRequest& request) { return query_of(request).find("list-type=2") != std::string::npos; }

bool is_multipart(const SeenRequest& request) { return query_of(request).find("partNumber=") != std::string::npos; }

void MemoryStore::set_fault(Fault fault) {
    std::lock_guard lock(mutex_);
    fault_ = std::move(fault);
}

void MemoryStore::put(const std::string& key, const std::string& bytes) {
    std::lock_guard lock(mutex_);
    objects_[key] = {bytes, etag_of_bytes(bytes), {}};
}

std::map<std::string, std::string> MemoryStore::contents() const {
    std::lock_guard lock(mutex_);
    std::map<std::string, std::string> all;
    for (const auto& [key, object] : objects_) all[key] = object.bytes;
    return all;
}

Reply MemoryStore::serve(const SeenRequest& request) {
    Fault fault;
    {
        std::lock_guard lock(mutex_);
        fault = fault_;
    }
    std::optional<Reply> wrong = fault ? fault(request) : std::nullopt;
    return wrong ? *wrong : obey(request);
}

Reply MemoryStore::obey(const SeenRequest& request) {
    std::lock_guard lock(mutex_);
    std::string key = key_of(request), query = query_of(request);
    if (key.empty() && request.method == "POST") return remove_many(request.body);
    if (key.empty()) {
        return query.find("uploads") == 0 ? reply(200, "<ListMultipartUploadsResult/>") : list(query);
    }
    if (request.method == "PUT" || request.method == "POST") return write(request, key, query);
    if (request.method == "DELETE") {
        std::string id = parameter(query, "uploadId");
        id.empty() ? objects_.erase(key) : uploads_.erase(id);
        return reply(204);
    }
    return read(request, key);
}

Reply MemoryStore::list(const std::string& query) const {
    std::string prefix = parameter(query, "prefix"), body;
    for (const auto& [key, object] : objects_) {
        if (!key.starts_with(prefix)) continue;
        body += "<Contents><Key>" + encode(key) + "</Key><Size>" + std::to_string(object.bytes.size()) +
                "</Size><ETag>&quot;" + object.etag +
                "&quot;</ETag><LastModified>2026-01-31T12:00:00.000Z</LastModified></Contents>";
    }
    return reply(200, "<ListBucketResult><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType>" + body +
                          "</ListBucketResult>");
}

Reply MemoryStore::write(const SeenRequest& request, const std::string& key, const std::string& query) {
    StoredObject object{request.body, etag_of_bytes(request.body), {}};
    for (const auto& [name, value] : request.headers) {
        if (name.starts_with("x-amz-meta-")) object.metadata[name] = value;
    }
    std::string id = parameter(query, "uploadId");
    if (request.method == "POST" && id.empty()) {
        id = "upload-" + std::to_string(request.number);
        uploads_[id] = object;
        return reply(200,
                     "<InitiateMultipartUploadResult><UploadId>" + id + "</UploadId></InitiateMultipartUploadResult>");
    }
    if (!id.empty() && !uploads_.contains(id)) return error_reply(404, "NoSuchUpload");
    if (request.method == "PUT" && !id.empty()) {
        parts_[id][std::stoi(parameter(query, "partNumber"))] = request.body;
        return reply(200, "", etag_line(object.etag));
    }
    auto there = objects_.find(key);
    std::string if_match = header(request, "if-match");
    bool is_refused = !header(request, "if-none-match").empty() && there != objects_.end();
    is_refused |= !if_match.empty() && (there == objects_.end() || if_match != "\"" + there->second.etag + "\"");
    if (is_refused) return error_reply(412, "PreconditionFailed");
    if (!id.empty()) {
        std::string digests;
        object = uploads_[id];
        object.bytes.clear();
        for (const auto& [number, bytes] : parts_[id]) object.bytes += bytes, digests += md5_text(bytes);
        object.etag = etag_of_bytes(digests) + "-" + std::to_string(parts_[id].size());
        uploads_.erase(id);
    }
    objects_[key] = object;
    if (id.empty()) return reply(200, "", etag_line(object.etag));
    return reply(200,
                 "<CompleteMultipartUploadResult><ETag>\"" + object.etag + "\"</ETag></CompleteMultipartUploadResult>");
}

Reply MemoryStore::read(const SeenRequest& request, const std::string& key) const {
    auto found = objects_.find(key);
    if (found == objects_.end()) return request.method == "HEAD" ? reply(404) : error_reply(404, "NoSuchKey");
    const StoredObject& object = found->second;
    std::string if_match = header(request, "if-match");
    if (!if_match.empty() && if_match != "\"" + object.etag + "\"") return error_reply(412, "PreconditionFailed");
    std::string lines = etag_line(object.etag) + "Last-Modified: Sat, 31 Jan 2026 12:00:00 GMT\r\n";
    for (const auto& [name, value] : object.metadata) lines += name + ": " + value + "\r\n";
    std::string range = header(request, "range");
    Reply answer = reply(200, object.bytes, lines);
    if (range.starts_with("bytes=")) {
        size_t dash = range.find('-');
        size_t first = std::stoul(range.substr(6));
        size_t last = dash + 1 < range.size() ? std::stoul(range.substr(dash + 1)) : object.bytes.size() - 1;
        last = std::min(last, object.bytes.size() - 1);
        lines += "Content-Range: bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" +
                 std::to_string(object.bytes.size()) + "\r\n";
        answer = reply(206, object.bytes.substr(first, last - first + 1), lines);
    }
    if (request.method == "HEAD") answer.bytes.resize(answer.bytes.find("\r\n\r\n") + 4);
    return answer;
}

Reply MemoryStore::remove_many(const std::string& body) {
    for (size_t at = body.find("<Key>"); at != std::string::npos; at = body.find("<Key>", at + 1)) {
        objects_.erase(body.substr(at + 5, body.find("</Key>", at) - at - 5));
    }
    return reply(200, "<DeleteResult/>");
}

}  // namespace syncline::s3
