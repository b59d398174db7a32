// Job files on disk: finding, reading, and who may have written them.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/text.hpp"
#include "config/parse.hpp"
#include "config/paths.hpp"

namespace syncline {
namespace {

constexpr off_t most_bytes = 4 << 20;

/// What was read, or why not.
struct FileText {
    std::string text;
    struct stat status{};
    std::string error;
};

/// `file` stays open.
void read_whole(int file, FileText& out) {
    char buffer[1 << 16];
    while (true) {
        ssize_t size = ::read(file, buffer, sizeof buffer);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) out.error = "cannot be read: " + errno_text(errno);
        if (size <= 0) return;
        out.text.append(buffer, static_cast<size_t>(size));
        if (static_cast<off_t>(out.text.size()) > most_bytes) {
            out.error = "is larger than 4 MiB, which no job file is";
            return;
        }
    }
}

FileText read_file(const std::string& path) {
    FileText out;
    int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);  // a FIFO must not stop us
    if (file < 0) {
        out.error = "cannot be opened: " + errno_text(errno);
        if (errno == ENOENT) out.error += "; `syncline init` writes a new one";
        return out;
    }
    if (::fstat(file, &out.status) != 0) {
        out.error = "cannot be read: " + errno_text(errno);
    } else if (!S_ISREG(out.status.st_mode)) {
        out.error = S_ISDIR(out.status.st_mode) ? "is a directory, not a job file" : "is not a regular file";
    } else {
        read_whole(file, out);
    }
    ::close(file);
    return out;
}

/// The host with a literal password that this file is too open for.
const Host* exposed_password(const JobFile& file, const struct stat& status) {
    if (status.st_uid == ::geteuid() && (status.st_mode & 077) == 0) return nullptr;
    for (const auto& [name, host] : file.hosts) {
        if (host.password.type == SecretSource::Type::literal) return &host;
    }
    return nullptr;
}

bool is_regular_file(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

/// Why a file is not this user's alone: the end of a sentence about it; "" when it is.
std::string why_not_ours(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return "cannot be looked at: " + errno_text(errno);
    if (status.st_uid != ::geteuid()) return "belongs to another user (uid " + std::to_string(status.st_uid) + ")";
    if ((status.st_mode & 022) != 0) return "can be written by others (`chmod go-w " + escape(path) + "` ends that)";
    return "";
}

std::string directory_of(const std::string& path) {
    size_t slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

/// "" when there is no place for one.
std::string own_job_file(const ParseEnvironment& environment) {
    std::string config = environment.variable ? environment.variable("XDG_CONFIG_HOME").value_or("") : "";
    // The XDG specification has relative values ignored.
    if (!config.starts_with('/')) config = environment.home.starts_with('/') ? environment.home + "/.config" : "";
    return config.empty() ? "" : config + "/syncline/jobs.toml";
}

}  // namespace

ParseOutcome load_job_file(const std::string& path, const ParseEnvironment& environment) {
    std::string full = absolute_path(path, environment.current_directory, environment);
    std::string shown = shown_path(full, environment);
    FileText read = read_file(full);
    ParseOutcome outcome;
    if (!read.error.empty()) {
        outcome.errors.push_back({shown, 0, 0, "the job file " + read.error});
        return outcome;
    }
    outcome = parse_job_file(read.text, full, environment);
    const Host* exposed = outcome.file ? exposed_password(*outcome.file, read.status) : nullptr;
    if (exposed) {
        Position place = exposed->written.at("password");
        outcome.errors.push_back({shown, place.line, place.column,
                                  "[hosts." + exposed->name +
                                      "] holds a password, but the file is not yours alone: `chmod 600 " +
                                      escape(full) + "`, or use { env = ... } or { command = ... }"});
        outcome.file.reset();
    }
    return outcome;
}

std::optional<std::string> find_job_file(const std::string& directory, const ParseEnvironment& environment) {
    std::string at = directory;
    while (!at.empty()) {
        std::string candidate = (at == "/" ? "" : at) + "/jobs.toml";
        if (is_regular_file(candidate)) return candidate;
        if (at == "/") break;
        at.erase(std::max<size_t>(at.rfind('/'), 1));
    }
    std::string own = own_job_file(environment);
    if (!own.empty() && is_regular_file(own)) return own;
    return std::nullopt;
}

bool is_own_job_file(const std::string& path, const ParseEnvironment& environment) {
    const std::string own = own_job_file(environment);
    if (own.empty()) return false;
    // The directory under its name, and the one that a link may lead to.
    std::string physical = environment.resolve(own);
    if (environment.resolve(path) != physical) return false;
    for (const std::string& each : {physical, directory_of(physical), directory_of(own)}) {
        if (!why_not_ours(each).empty()) return false;
    }
    return true;
}

std::optional<Diagnostic> check_found_job_file(const std::string& path, const ParseEnvironment& environment) {
    std::string why = why_not_ours(path);
    if (why.empty()) return std::nullopt;
    return Diagnostic{shown_path(path, environment), 0, 0,
                      "the job file was found here, but it " + why + "; name it on the command line to use it"};
}

std::optional<Diagnostic> check_trusted_job_file(const std::string& path, const ParseEnvironment& environment) {
    std::string why = why_not_ours(path);
    if (why.empty()) return std::nullopt;
    return Diagnostic{shown_path(path, environment), 0, 0,
                      "the job file cannot be trusted: it " + why + "; without trust it is used when it is named"};
}

}  // namespace syncline
