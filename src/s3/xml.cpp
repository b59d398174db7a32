#include "s3/xml.hpp"

#include <algorithm>
#include <pugixml.hpp>

#include "base/text.hpp"
#include "s3/times.hpp"
#include "s3/uri.hpp"

namespace syncline::s3 {
namespace {

// Keys may end in line ends and blanks, and be nothing but a blank.
constexpr unsigned parse_flags = (pugi::parse_default & ~pugi::parse_eol) | pugi::parse_ws_pcdata_single;

std::string_view name_of(const pugi::xml_node& node) {
    std::string_view name = node.name();
    const auto colon = name.find(':');
    return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

/// The root element when it has this name; servers send blanks before the document to keep a connection alive.
std::optional<pugi::xml_node> parse_root(pugi::xml_document& document, std::string_view text, std::string_view name) {
    const auto begin = text.find('<');
    if (begin == std::string_view::npos) return std::nullopt;
    text.remove_prefix(begin);
    if (!document.load_buffer(text.data(), text.size(), parse_flags, pugi::encoding_utf8)) return std::nullopt;
    auto root = document.document_element();
    if (name_of(root) != name) return std::nullopt;
    return root;
}

std::string text_of(const pugi::xml_node& node, const char* child) { return node.child(child).text().get(); }

uint64_t number_of(const pugi::xml_node& node, const char* child) { return node.child(child).text().as_ullong(); }

bool flag_of(const pugi::xml_node& node, const char* child) { return node.child(child).text().as_bool(); }

/// The RADOS Gateway encodes the keys of uploads as it was asked to, and does not say so.
bool looks_encoded(std::string_view key) {
    auto is_plain = [](char c) { return c > ' ' && c < 0x7f; };
    return key.find('%') != std::string_view::npos && std::ranges::all_of(key, is_plain);
}

ListedObject read_object(const pugi::xml_node& node, bool encoded) {
    ListedObject object;
    object.key = text_of(node, "Key");
    if (encoded) object.key = uri_decode(object.key);
    object.size = number_of(node, "Size");
    object.etag = plain_etag(node.child("ETag").text().get());
    object.last_modified = parse_iso_time(node.child("LastModified").text().get());
    return object;
}

std::string escaped(std::string_view text) {
    std::string result;
    for (const char c : text) {
        switch (c) {
            case '&': result += "&amp;"; break;
            case '<': result += "&lt;"; break;
            case '>': result += "&gt;"; break;
            case '"': result += "&quot;"; break;
            case '\t':
            case '\n':
            case '\r': result += "&#" + std::to_string(static_cast<int>(c)) + ";"; break;
            default: result += c;
        }
    }
    return result;
}

}  // namespace

std::string plain_etag(std::string_view etag) {
    if (etag.starts_with("W/")) etag.remove_prefix(2);
    if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
    return std::string(etag);
}

std::optional<Answer> read_error(std::string_view text) {
    pugi::xml_document document;
    auto root = parse_root(document, text, "Error");
    if (!root) return std::nullopt;
    Answer answer;
    answer.code = text_of(*root, "Code");
    answer.message = text_of(*root, "Message");
    answer.request_id = text_of(*root, "RequestId");
    answer.region = text_of(*root, "Region");
    return answer;
}

std::optional<ListDocument> read_list(std::string text) {
    pugi::xml_document document;
    auto root = parse_root(document, text, "ListBucketResult");
    if (!root || !root->child("IsTruncated")) return std::nullopt;
    const bool encoded = text_of(*root, "EncodingType") == "url";
    ListDocument result;
    result.truncated = flag_of(*root, "IsTruncated");
    result.token = text_of(*root, "NextContinuationToken");
    if (root->child("KeyCount")) result.key_count = number_of(*root, "KeyCount");
    for (const auto& node : root->children("Contents")) result.page.objects.push_back(read_object(node, encoded));
    for (const auto& node : root->children("CommonPrefixes")) {
        auto prefix = text_of(node, "Prefix");
        result.page.prefixes.push_back(encoded ? uri_decode(prefix) : prefix);
    }
    return result;
}

std::optional<UploadsDocument> read_uploads(std::string_view text) {
    pugi::xml_document document;
    auto root = parse_root(document, text, "ListMultipartUploadsResult");
    if (!root) return std::nullopt;
    const bool encoded = text_of(*root, "EncodingType") == "url";
    UploadsDocument result;
    result.truncated = flag_of(*root, "IsTruncated");
    auto marker = text_of(*root, "NextKeyMarker");
    result.key_marker = encoded ? uri_decode(marker) : marker;
    result.id_marker = text_of(*root, "NextUploadIdMarker");
    for (const auto& node : root->children("Upload")) {
        auto key = text_of(node, "Key");
        if (encoded || looks_encoded(key)) key = uri_decode(key);
        result.uploads.push_back(
            {key, text_of(node, "UploadId"), parse_iso_time(node.child("Initiated").text().get())});
    }
    return result;
}

std::optional<PartsDocument> read_parts(std::string_view text) {
    pugi::xml_document document;
    auto root = parse_root(document, text, "ListPartsResult");
    if (!root) return std::nullopt;
    PartsDocument result;
    result.truncated = flag_of(*root, "IsTruncated");
    result.marker = text_of(*root, "NextPartNumberMarker");
    for (const auto& node : root->children("Part")) {
        result.parts.push_back({static_cast<unsigned>(number_of(node, "PartNumber")),
                                plain_etag(node.child("ETag").text().get()), number_of(node, "Size")});
    }
    return result;
}

std::optional<std::string> read_upload_id(std::string_view text) {
    pugi::xml_document document;
    auto root = parse_root(document, text, "InitiateMultipartUploadResult");
    if (!root) return std::nullopt;
    auto id = text_of(*root, "UploadId");
    if (id.empty()) return std::nullopt;
    return id;
}

std::optional<std::string> read_completed(std::string_view text) {
    pugi::xml_document document;
    auto root = parse_root(document, text, "CompleteMultipartUploadResult");
    if (!root) return std::nullopt;
    return plain_etag(root->child("ETag").text().get());
}

std::optional<std::vector<DeleteFailure>> read_deleted(std::string_view text) {
    pugi::xml_document document;
    auto root = parse_root(document, text, "DeleteResult");
    if (!root) return std::nullopt;
    std::vector<DeleteFailure> failures;
    for (const auto& node : root->children("Error")) {
        failures.push_back({text_of(node, "Key"), text_of(node, "Code"), text_of(node, "Message")});
    }
    return failures;
}

std::optional<std::vector<BucketName>> read_buckets(std::string_view text) {
    pugi::xml_document document;
    auto root = parse_root(document, text, "ListAllMyBucketsResult");
    if (!root) return std::nullopt;
    std::vector<BucketName> buckets;
    for (const auto& node : root->child("Buckets").children("Bucket")) {
        buckets.push_back({text_of(node, "Name"), parse_iso_time(node.child("CreationDate").text().get())});
    }
    return buckets;
}

bool fits_xml(std::string_view key) {
    if (!is_utf8(key) || key.find("\xEF\xBF\xBE") != std::string_view::npos ||
        key.find("\xEF\xBF\xBF") != std::string_view::npos) {
        return false;
    }
    for (const char c : key) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') return false;
    }
    return true;
}

std::string write_delete(const std::vector<std::string>& keys) {
    std::string text =
        R"(<?xml version="1.0" encoding="UTF-8"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)";
    text += "<Quiet>true</Quiet>";
    for (const auto& key : keys) text += "<Object><Key>" + escaped(key) + "</Key></Object>";
    return text + "</Delete>";
}

std::string write_complete(const std::vector<UploadedPart>& parts) {
    std::string text = R"(<?xml version="1.0" encoding="UTF-8"?>)";
    text += R"(<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)";
    for (const auto& part : parts) {
        text += "<Part><PartNumber>" + std::to_string(part.number) + "</PartNumber><ETag>&quot;" + escaped(part.etag) +
                "&quot;</ETag></Part>";
    }
    return text + "</CompleteMultipartUpload>";
}

}  // namespace syncline::s3
