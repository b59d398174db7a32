#include "temp_tree.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "base/error.hpp"
#include "base/rel_path.hpp"

namespace syncline::test {

namespace {

void check(int result, std::string_view operation, std::string_view path) {
    if (result < 0) throw errno_error(operation, path, errno);
}

}  // namespace

TempTree::TempTree(Where where) {
    const char* base = std::getenv("TMPDIR");
    if (where == Where::memory && ::access("/dev/shm", W_OK) == 0) base = "/dev/shm";
    path_ = std::string(base ? base : "/tmp") + "/syncline-test-XXXXXX";
    if (!::mkdtemp(path_.data())) throw errno_error("make", path_, errno);
    ::chmod(path_.c_str(), 0755);
    root_ = fs::open_root(path_);
}

TempTree::~TempTree() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void TempTree::make_directory(const std::string& relative) { std::filesystem::create_directories(path(relative)); }

void TempTree::write(const std::string& relative, std::string_view content) {
    make_directory(std::string(parent_path(relative)));
    std::ofstream file(path(relative), std::ios::binary | std::ios::trunc);
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
    if (!file.flush()) throw errno_error("write", relative, errno);
}

void TempTree::link(const std::string& relative, const std::string& target) {
    make_directory(std::string(parent_path(relative)));
    check(::symlinkat(target.c_str(), fd(), relative.c_str()), "link", relative);
}

void TempTree::make_fifo(const std::string& relative) {
    check(::mkfifoat(fd(), relative.c_str(), 0644), "make fifo", relative);
}

void TempTree::make_socket(const std::string& relative) {
    fs::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path(relative).copy(address.sun_path, sizeof address.sun_path - 1);
    check(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "bind", relative);
}

std::string TempTree::make_deep(const std::string& name, int depth) {
    std::string deep;
    fs::Fd at = fs::open_directory(fd(), "");
    for (int i = 0; i < depth; ++i) {
        check(::mkdirat(at.get(), name.c_str(), 0755), "make", deep);
        at = fs::Fd(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        check(at.get(), "open", deep);
        deep = join_path(deep, name);
    }
    return deep;
}

std::string TempTree::read(const std::string& relative) const {
    std::ifstream file(path(relative), std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
}

Stamp TempTree::stamp(const std::string& relative) const {
    Entry entry;
    if (!fs::read_entry(fd(), relative.c_str(), entry)) throw errno_error("look at", relative, errno);
    return entry.stamp;
}

std::string in_child(const std::function<void()>& body, std::chrono::seconds deadline) {
    int ends[2];
    check(::pipe2(ends, O_CLOEXEC), "make", "pipe");
    pid_t child = ::fork();
    check(child, "fork", "");
    if (child == 0) {
        ::alarm(static_cast<unsigned>(deadline.count()));
        std::string trouble;
        try {
            body();
        } catch (const std::exception& error) {
            trouble = error.what();
        }
        ssize_t written = ::write(ends[1], trouble.data(), trouble.size());
        ::_exit(written == static_cast<ssize_t>(trouble.size()) ? 0 : 1);
    }
    ::close(ends[1]);
    std::string said;
    char buffer[4096];
    for (ssize_t got; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;)
        said.append(buffer, static_cast<size_t>(got));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) return "killed by signal " + std::to_string(WTERMSIG(status)) + " " + said;
    return WEXITSTATUS(status) == 0 ? said : "exit status " + std::to_string(WEXITSTATUS(status)) + " " + said;
}

void require(bool holds, const std::string& what) {
    if (!holds) throw std::runtime_error(what);
}

bool drop_privileges() {
    if (::geteuid() != 0) return false;
    return ::setgroups(0, nullptr) == 0 && ::setgid(65534) == 0 && ::setuid(65534) == 0;
}

}  // namespace syncline::test
