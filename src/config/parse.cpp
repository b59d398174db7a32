#include "config/parse.hpp"

#include "base/text.hpp"
#include "config/job_rules.hpp"
#include "config/keys.hpp"
#include "config/overlap.hpp"
#include "config/paths.hpp"
#include "config/remote.hpp"
#include "config/text_digest.hpp"

namespace syncline {
namespace {

constexpr size_t most_jobs = 4000;  // bounds the comparison of all pairs

/// Reads the jobs of one file, each from a copy of the defaults.
class JobReader {
  public:
    JobReader(ParseContext& context, JobFile& file) : context_(context), file_(file) {}

    void read(const TomlMember& member) {
        const bool has_name = context_.check_name(member, "job");  // what is in it is read all the same
        table_name_ = "[jobs." + escape(member.name) + "]";
        if (member.value.type != TomlValue::Type::table) {
            context_.errors.add(member.position, "'jobs' must hold tables: write " + table_name_);
            return;
        }
        table_ = &member.value;
        Job job = file_.defaults;
        job.name = member.name;
        job.line = member.value.position.line;
        read_table(context_, table_name_, member.value, job_keys(), job);
        if (finish(job) && has_name) file_.jobs.push_back(std::move(job));
    }

  private:
    /// False when the job has no places that other rules could look at.
    bool finish(Job& job) {
        require(job, "root", "the directory to keep in step");
        require(job, "remote", "its destination, \"HOST:DIR\", \"BUCKET:PREFIX\" or a local path");
        check_direction(job);
        if (job.root.empty() || job.remote.path.empty()) return false;
        RemoteMeaning meaning =
            read_remote(job.remote.path, file_.hosts, file_.buckets, context_.directory, context_.environment);
        Position place = job.written.at("remote");
        if (!meaning.warning.empty())
            context_.warnings.add(place, "'remote' in " + table_name_ + " " + meaning.warning);
        if (!meaning.destination) {
            context_.errors.add(place, "'remote' in " + table_name_ + " " + meaning.error);
            return false;
        }
        job.remote = std::move(*meaning.destination);
        apply_defaults(job);
        std::string problem = nesting_problem(job, context_.environment);
        if (!problem.empty()) context_.errors.add(place, "'remote' in " + table_name_ + " " + problem);
        return problem.empty();
    }

    void require(const Job& job, std::string_view key, const std::string& what) {
        if (job.written.contains(key)) return;
        context_.errors.add(table_->position, table_name_ + " has no '" + std::string(key) + "': " + what);
    }

    /// What makes no sense in a pull job is an error where the job says it, and is passed over where the defaults do.
    void check_direction(Job& job) {
        if (job.policy.direction != Direction::pull) return;
        for (auto [key, does] : {std::pair{"delete", "removes"}, {"overwrite", "overwrites"}}) {
            if (!table_->find(key)) continue;
            context_.errors.add(job.written.at(key), "'" + std::string(key) + "' in " + table_name_ +
                                                         " is for push jobs; what a pull " + does +
                                                         " is said by 'pull'");
        }
        if (table_->find("watch") && job.watch) {
            context_.errors.add(
                job.written.at("watch"),
                "'watch' in " + table_name_ + " is for push jobs; a pull job runs by 'interval' or 'at'");
        }
        job.watch = false;
    }

    ParseContext& context_;
    JobFile& file_;
    std::string table_name_;
    const TomlValue* table_ = nullptr;
};

void read_jobs(ParseContext& context, const TomlValue& top, JobFile& file) {
    const TomlValue* jobs = top.find("jobs");
    if (!jobs || jobs->members.empty()) {
        context.warnings.add({1, 1}, "there are no jobs: add a table [jobs.NAME]");
        return;
    }
    if (jobs->members.size() > most_jobs) {
        context.errors.add(jobs->position,
                           "there are more than " + std::to_string(most_jobs) + " jobs: split the file");
        return;
    }
    JobReader reader(context, file);
    for (const TomlMember& member : jobs->members) reader.read(member);
}

void check_version(ParseContext& context, const TomlValue& top) {
    if (!top.find("version")) context.errors.add({1, 1}, "there is no version: write 'version = 1' in the first line");
}

/// HOST: and BUCKET: are written alike, so a name must mean one of them.
void check_shared_names(ParseContext& context, const TomlValue& top, const JobFile& file) {
    const TomlValue* buckets = top.find("buckets");
    if (!buckets) return;
    for (const TomlMember& member : buckets->members) {
        if (!file.hosts.contains(member.name)) continue;
        context.errors.add(member.position, "'" + escape(member.name) + "' names both a host and a bucket");
    }
}

}  // namespace

std::string shown_path(const std::string& path, const ParseEnvironment& environment) {
    const std::string& here = environment.current_directory;
    bool is_here = !here.empty() && here != "/" && path.size() > here.size() && is_beneath(path, here);
    return is_here ? path.substr(here.size() + 1) : path;
}

ParseOutcome parse_job_file(std::string_view text, const std::string& path, const ParseEnvironment& environment) {
    ParseOutcome outcome;
    JobFile file;
    file.path = path;
    file.shown_path = shown_path(path, environment);
    file.sha256 = text_digest(text);
    size_t slash = path.rfind('/');
    Diagnostics errors(file.shown_path), warnings(file.shown_path);
    ParseContext context{path,    path.substr(slash + 1), path.substr(0, slash == 0 ? 1 : slash), environment, errors,
                         warnings};
    if (auto top = read_toml(text, errors)) {
        check_version(context, *top);
        read_table(context, "", *top, file_keys(), file);
        check_shared_names(context, *top, file);
        read_jobs(context, *top, file);
        check_overlaps(file, environment, errors);
    }
    outcome.errors = errors.take_sorted();
    outcome.warnings = warnings.take_sorted();
    if (outcome.errors.empty()) outcome.file = std::move(file);
    return outcome;
}

}  // namespace syncline
