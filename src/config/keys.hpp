// Keys: the one table of all keys of the job file. Each key is declared once (job_keys.cpp, host_keys.cpp,
// engine_keys.cpp) with its shape, a line about it and the function that reads it; the parser, the schema's test and
// the manual's test go by that.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/reader.hpp"

namespace syncline {

struct Job;
struct Host;
struct Bucket;
struct EngineSettings;
struct CleanPolicy;
struct JobFile;

/// A key and the function that reads its value into a `Target`.
template <class Target>
struct Key {
    KeyInfo info;
    void (*read)(const ValueReader& in, Target& target);
};

std::span<const Key<JobFile>> file_keys();
std::span<const Key<JobFile>> status_keys();
std::span<const Key<EngineSettings>> engine_keys();
std::span<const Key<Host>> host_keys();
std::span<const Key<Bucket>> bucket_keys();
std::span<const Key<Job>> job_keys();
std::span<const Key<CleanPolicy>> clean_keys();

/// Every key of every table, and those of the inline tables `password`, `quota_source` and `credentials`.
std::vector<KeyInfo> all_keys();

/// Reads each member of `table` by the key of its name; others are errors. Where the target remembers which keys were
/// written and which variables they used, it is told once the value was read.
template <class Target>
void read_table(ParseContext& context, const std::string& table_name, const TomlValue& table,
                std::span<const Key<Target>> keys, Target& target) {
    for (const TomlMember& member : table.members) {
        const Key<Target>* key = nullptr;
        for (const Key<Target>& candidate : keys) {
            if (candidate.info.name == member.name) key = &candidate;
        }
        if (!key) {
            std::vector<std::string> names;
            for (const Key<Target>& candidate : keys) names.emplace_back(candidate.info.name);
            context.unknown_key(member, table_name, names);
            continue;
        }
        key->read(ValueReader(context, table_name, key->info, member.value), target);
        if constexpr (requires { target.written; }) target.written[member.name] = member.position;
        if constexpr (requires { target.variables; }) target.variables.merge(std::exchange(context.variables, {}));
    }
}

}  // namespace syncline
