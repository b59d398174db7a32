// One table of keys drives the parser; here the schema and the manual are held to it.
#include "config/keys.hpp"

#include <catch2/catch_test_macros.hpp>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "config/job.hpp"
#include "config/reach.hpp"
#include "fixture.hpp"

using namespace syncline;
using nlohmann::json;

namespace {

std::string read_source(const std::string& path) {
    std::ifstream file(SYNCLINE_SOURCE_ROOT "/" + path, std::ios::binary);
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Where the schema describes a kind of table.
std::string schema_pointer(TableKind kind) {
    switch (kind) {
        case TableKind::file: return "/properties";
        case TableKind::status: return "/definitions/status/properties";
        case TableKind::engine: return "/definitions/engine/properties";
        case TableKind::host: return "/definitions/host/properties";
        case TableKind::bucket: return "/definitions/bucket/properties";
        case TableKind::job: return "/definitions/job/properties";
        case TableKind::clean: return "/definitions/clean/properties";
        case TableKind::password: return "/definitions/password/properties";
        case TableKind::quota_source: return "/definitions/quota_source/properties";
        case TableKind::credentials: return "/definitions/credentials/properties";
    }
    return "";
}

constexpr TableKind all_kinds[] = {
    TableKind::file, TableKind::status, TableKind::engine,   TableKind::host,         TableKind::bucket,
    TableKind::job,  TableKind::clean,  TableKind::password, TableKind::quota_source, TableKind::credentials};

json reference(const std::string& name) { return json::object({{"$ref", "#/definitions/" + name}}); }
json refers_to(const std::string& name) { return json::object({{"allOf", json::array({reference(name)})}}); }
json typed(const std::string& name) { return json::object({{"type", name}}); }
json list_of(const json& item) { return json::object({{"type", "array"}, {"items", item}}); }
json one_of(const KeyInfo& key) { return json::object({{"type", "string"}, {"enum", key.choice_list()}}); }
json either(const json& alternatives) { return json::object({{"oneOf", alternatives}}); }

/// What the schema's entry for a key of this shape holds, beside its description.
json expected_entry(const KeyInfo& key) {
    std::string name(key.name);
    switch (key.shape) {
        case Shape::boolean: return typed("boolean");
        case Shape::integer: return typed("integer");
        case Shape::text:
        case Shape::path: return typed("string");
        case Shape::choice: return one_of(key);
        case Shape::duration: return refers_to("duration");
        case Shape::byte_rate: return refers_to("byte_rate");
        case Shape::texts: return list_of(typed("string"));
        case Shape::globs: return list_of(reference("glob"));
        case Shape::times: return list_of(reference("time"));
        case Shape::share: return refers_to("share");
        case Shape::octal: return refers_to("octal");
        case Shape::thresholds: return refers_to("thresholds");
        case Shape::secret: return either(json::array({typed("boolean"), typed("string"), reference(name)}));
        case Shape::choice_or_table: return either(json::array({one_of(key), reference(name)}));
        case Shape::table: return refers_to(name == "defaults" ? "job" : name);
        case Shape::tables: {
            json named = reference(name.substr(0, name.size() - 1));
            return json::object({{"type", "object"}, {"additionalProperties", named}});
        }
    }
    return {};
}

/// Bounds, defaults and the like may stand beside what is expected; the rest must be as it is.
void check_entry(const KeyInfo& key, const json& entry) {
    INFO(key.name << ": " << entry.dump());
    CHECK(entry.value("description", "").starts_with(std::string(key.summary)));
    const json expected = expected_entry(key);
    for (const auto& [name, value] : expected.items()) {
        REQUIRE(entry.contains(name));
        CHECK(entry.at(name) == value);
    }
}

}  // namespace

TEST_CASE("the schema has exactly the parser's keys, types and choices") {
    json schema = json::parse(read_source("schema/jobs.schema.json"));
    std::vector<KeyInfo> keys = all_keys();
    for (TableKind kind : all_kinds) {
        std::string pointer = schema_pointer(kind);
        INFO(pointer);
        const json& properties = schema.at(json::json_pointer(pointer));
        std::set<std::string> in_parser, in_schema;
        for (const auto& [name, entry] : properties.items()) in_schema.insert(name);
        for (const KeyInfo& key : keys) {
            if (key.table != kind) continue;
            CHECK(in_parser.emplace(key.name).second);
            if (properties.contains(std::string(key.name))) check_entry(key, properties.at(std::string(key.name)));
        }
        CHECK(in_parser == in_schema);
        const json& object = schema.at(json::json_pointer(pointer).parent_pointer());
        CHECK(object.at("additionalProperties") == false);
    }
}

TEST_CASE("what each key lets a stranger's file do has been judged") {
    for (const KeyInfo& key : all_keys()) {
        INFO("give it a row in src/config/reach.cpp: " << key.name);
        CHECK(is_judged(key.table, key.name));
    }
    CHECK_FALSE(is_judged(TableKind::job, "no such key"));
}

TEST_CASE("the schema names only what it defines") {
    std::string text = read_source("schema/jobs.schema.json");
    json definitions = json::parse(text).at("definitions");
    const std::string prefix = "\"#/definitions/";
    for (size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at + 1)) {
        size_t start = at + prefix.size();
        CHECK(definitions.contains(text.substr(start, text.find('"', start) - start)));
    }
}

TEST_CASE("the manual describes every key and every choice") {
    std::string manual = read_source("man/syncline-jobs.5");
    for (const KeyInfo& key : all_keys()) {
        INFO(key.name);
        CHECK(manual.find("\n.It Ic " + std::string(key.name) + " ") != std::string::npos);
        for (const std::string& choice : key.choice_list()) {
            INFO(choice);
            CHECK(manual.find("Dq " + choice) != std::string::npos);
        }
    }
}

TEST_CASE("the manual's examples are valid job files") {
    std::string manual = read_source("man/syncline-jobs.5");
    const std::string start = ".Bd -literal -offset indent\nversion = 1\n";
    int examples = 0;
    for (size_t at = manual.find(start); at != std::string::npos; at = manual.find(start, at + 1)) {
        size_t text_start = manual.find('\n', at) + 1;
        ParseOutcome outcome = test::parse(manual.substr(text_start, manual.find("\n.Ed", at) + 1 - text_start));
        CHECK(test::joined(outcome.errors) == "");
        CHECK(test::joined(outcome.warnings) == "");
        ++examples;
    }
    CHECK(examples >= 3);
}
