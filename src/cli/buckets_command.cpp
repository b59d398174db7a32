// buckets: what the job file's buckets are, what is in one, and whether one can be used.
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "cli/bucket_check.hpp"
#include "cli/commands.hpp"
#include "cli/exit_status.hpp"
#include "cli/job_files.hpp"
#include "cli/workbench.hpp"

namespace syncline::cli {
namespace {

/// JSON text is ASCII: a key that is not UTF-8 cannot come from a bucket.
std::string json_line(const nlohmann::json& value) {
    return value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
}

void list_tables(Session& session, Workbench& workbench) {
    std::string lines;
    for (const auto& [name, written] : workbench.buckets().tables()) {
        std::string url;
        try {
            url = s3::bucket_url(s3::resolve(written));
        } catch (const Error& error) {
            url = error.what();
        }
        lines += session.line.json
                     ? json_line({{"event", "bucket"}, {"name", name}, {"bucket", written.bucket}, {"url", url}})
                     : escape(name) + "  " + escape(url) + "\n";
    }
    if (lines.empty()) session.output.info("the job file has no [buckets] table");
    session.console.print(lines);
}

std::string shown_object(const Session& session, const s3::ListedObject& object) {
    if (session.line.json) {
        return json_line({{"event", "object"},
                          {"key", object.key},
                          {"bytes", object.size},
                          {"modified", format_time(object.last_modified)},
                          {"etag", object.etag}});
    }
    std::string size = format_byte_count(object.size);
    std::string space(size.size() < 12 ? 12 - size.size() : 1, ' ');
    return format_time(object.last_modified) + space + size + "  " + escape(object.key) + "\n";
}

std::string shown_prefix(const Session& session, const std::string& prefix) {
    if (session.line.json) return json_line({{"event", "prefix"}, {"key", prefix}});
    return std::string(36, ' ') + "  " + escape(prefix) + "\n";
}

Task<void> list_objects(Session& session, s3::S3Client& client, std::string prefix) {
    s3::Lister lister = client.list(std::move(prefix), "/");
    for (;;) {
        auto reading = lister.next();
        std::optional<s3::ListPage> page = co_await std::move(reading);
        if (!page) co_return;
        std::string lines;
        for (const std::string& below : page->prefixes) lines += shown_prefix(session, below);
        for (const s3::ListedObject& object : page->objects) lines += shown_object(session, object);
        session.console.print(lines);
    }
}

Task<void> check_one(s3::S3Client& client, std::string prefix, Findings& findings) {
    auto checking = check_bucket(client, std::move(prefix));
    findings = co_await std::move(checking);
}

/// NAME, NAME:PREFIX, PROVIDER:BUCKET or PROVIDER:BUCKET:PREFIX.
std::pair<std::string, std::string> split(const std::string& text, const BucketTables& tables) {
    size_t colon = text.find(':');
    std::string name = text.substr(0, colon);
    if (!tables.contains(name) && colon != std::string::npos) colon = text.find(':', colon + 1);
    return {text.substr(0, colon), colon == std::string::npos ? "" : text.substr(colon + 1)};
}

}  // namespace

int buckets_command(Session& session) {
    const std::vector<std::string>& words = session.line.arguments;
    bool checks = words.front() == "check", creates = words.front() == "create";
    if (!checks && !creates && words.front() != "ls") {
        throw Error(Errc::usage, "'buckets " + escape(words.front()) +
                                     "' is not known; use 'buckets ls [NAME:PREFIX]', 'buckets check NAME' or "
                                     "'buckets create NAME'");
    }
    if ((checks || creates) && words.size() < 2) {
        throw Error(Errc::usage,
                    "'buckets " + words.front() + "' needs the NAME of a [buckets] table, or PROVIDER:BUCKET");
    }
    std::optional<JobFile> file = find_and_load(session, false);
    Workbench workbench(session);
    if (file) {
        require_trust(session, *file, {}, false);
        workbench.use_settings(*file);
    }
    if (words.size() < 2) {
        list_tables(session, workbench);
        return exit_ok;
    }
    auto [name, prefix] = split(words[1], workbench.buckets().tables());
    std::shared_ptr<BucketClient> client = workbench.buckets().client(name);
    if (creates) {
        if (!prefix.empty())
            throw Error(Errc::usage, "'buckets create' makes a bucket; leave out ':" + escape(prefix) + "'");
        workbench.run(client->s3.create_bucket());
        const s3::S3Settings& settings = client->s3.settings();
        session.output.info("the bucket " + escape(settings.bucket) + " is there, at " + escape(settings.endpoint));
        return exit_ok;
    }
    if (!checks) {
        workbench.run(list_objects(session, client->s3, prefix));
        return exit_ok;
    }
    Findings findings;
    workbench.run(check_one(client->s3, prefix, findings));
    bool has_error = false;
    for (const Finding& finding : findings) {
        session.output.found(finding);
        has_error |= finding.level == "error";
    }
    return has_error ? exit_failed : exit_ok;
}

}  // namespace syncline::cli
