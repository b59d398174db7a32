#include "status/control_request.hpp"

#include <nlohmann/json.hpp>
#include <variant>

#include "base/text.hpp"

namespace syncline::status {
namespace {

using Json = nlohmann::ordered_json;
using R = ControlRequest;
using Field = std::variant<bool R::*, std::string R::*, std::vector<std::string> R::*>;

struct Member {
    std::string_view name;
    Field field;
};

const Member members[] = {
    {"command", &R::command},
    {"job", &R::job},
    {"paths", &R::paths},
    {"exclude", &R::exclude},
    {"include", &R::include},
    {"directory", &R::directory},
    {"file_sha256", &R::file_sha256},
    {"interval", &R::interval},
    {"bucket", &R::bucket},
    {"remote_dir", &R::remote_dir},
    {"force", &R::force},
    {"restart", &R::restart},
    {"tar", &R::tar},
    {"checksum", &R::checksum},
    {"adopt", &R::adopt},
    {"delete", &R::remove},
    {"never_delete", &R::never_delete},
    {"overwrite", &R::overwrite},
    {"preserve", &R::preserve},
    {"missing", &R::missing},
    {"update", &R::update},
    {"verbose", &R::verbose},
    {"show", &R::show},
    {"end", &R::end},
};

const Member* find_member(std::string_view name) {
    for (const Member& member : members) {
        if (member.name == name) return &member;
    }
    return nullptr;
}

bool take(const Json& value, bool& out) {
    if (!value.is_boolean()) return false;
    out = value.get<bool>();
    return true;
}

bool take(const Json& value, std::string& out) {
    std::optional<std::string> bytes = bytes_from_json(value);
    if (!bytes) return false;
    out = std::move(*bytes);
    return true;
}

bool take(const Json& value, std::vector<std::string>& out) {
    if (!value.is_array()) return false;
    for (const Json& item : value) {
        if (!take(item, out.emplace_back())) return false;
    }
    return true;
}

void put(Json& object, std::string_view name, bool value) {
    if (value) object[std::string(name)] = true;
}

void put(Json& object, std::string_view name, const std::string& value) {
    if (!value.empty()) object[std::string(name)] = bytes_to_json(value);
}

void put(Json& object, std::string_view name, const std::vector<std::string>& values) {
    if (values.empty()) return;
    Json list = Json::array();
    for (const std::string& value : values) list.push_back(bytes_to_json(value));
    object[std::string(name)] = std::move(list);
}

/// The library's parser needs no recursion, but what it builds is taken apart by recursion: nothing here is deep.
bool is_deep(std::string_view line) {
    constexpr int deepest = 8;
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < line.size(); ++i) {
        char c = line[i];
        if (in_string) {
            if (c == '\\') ++i;
            if (c == '"') in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > deepest) return true;
        } else if (c == ']' || c == '}') {
            --depth;
        }
    }
    return false;
}

}  // namespace

std::optional<ControlRequest> parse_request(std::string_view line, std::string& why) {
    if (line.size() > longest_request || is_deep(line)) {
        why = "the request is too long or too deep";
        return std::nullopt;
    }
    Json object = Json::parse(line, nullptr, false);
    if (!object.is_object()) {
        why = "a request is one JSON object on one line";
        return std::nullopt;
    }
    ControlRequest request;
    for (const auto& [name, value] : object.items()) {
        const Member* member = find_member(name);
        if (member == nullptr) {
            why = "unknown member '" + escape(name) + "'";
            return std::nullopt;
        }
        auto took = [&](auto field) { return take(value, request.*field); };
        if (!std::visit(took, member->field)) {
            why = "member '" + std::string(member->name) + "' has the wrong type";
            return std::nullopt;
        }
    }
    if (!request.command.empty()) return request;
    why = "member 'command' is missing";
    return std::nullopt;
}

std::string request_line(const ControlRequest& request) {
    Json object = Json::object();
    for (const Member& member : members) {
        std::visit([&](auto field) { put(object, member.name, request.*field); }, member.field);
    }
    return object.dump(-1, ' ', true) + "\n";
}

Json bytes_to_json(std::string_view bytes) {
    if (is_utf8(bytes)) return std::string(bytes);
    Json list = Json::array();
    for (char c : bytes) list.push_back(static_cast<unsigned char>(c));
    return list;
}

std::optional<std::string> bytes_from_json(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_array()) return std::nullopt;
    std::string bytes;
    for (const Json& item : value) {
        if (!item.is_number_unsigned() || item.get<uint64_t>() > 255) return std::nullopt;
        bytes += static_cast<char>(item.get<uint64_t>());
    }
    return bytes;
}

}  // namespace syncline::status
