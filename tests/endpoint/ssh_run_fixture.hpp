// A job between a real directory and a real sshd on loopback, whose "remote" is a directory of the same tree.
#pragma once

#include "endpoint/ssh_root.hpp"
#include "engine/run_fixture.hpp"
#include "ssh/ssh_server.hpp"

namespace syncline::test {

class SshRunFixture : public RunFixture {
  public:
    explicit SshRunFixture(std::vector<std::string> sshd_lines = {}) : server(std::move(sshd_lines)) {
        job.remote = {Destination::Type::ssh, "test", tree().path("target")};
        ssh::SshSettings settings = server.settings();
        SshHostOptions host;
        host.table.name = "test";
        host.table.hostname = settings.hostname;
        host.table.port = settings.port;
        host.table.user = settings.user;
        host.table.identity_file = settings.identity_files.at(0);
        host.table.known_hosts = settings.known_hosts.at(0);
        host.remote_root = tree().path("remote-root");
        options.hosts["test"] = host;
        options.ssh_config_file = tree().path("no-ssh-config");
        options.client = "0123abcd";
    }

    RunReport run(RunOptions run_options = {}) {
        RunReport report;
        Progress progress;
        TestLoop loop;
        SshHosts hosts(options);
        auto& factory = static_cast<Endpoints&>(endpoints());
        factory.set_ssh_hosts(&hosts);
        RunContext context{store(), factory, state_directory()};
        loop.start(keep_report(report, run_job(job, std::move(run_options), context, progress)));
        loop.finish();
        return report;
    }

    ssh::SshServer server;
    SshOptions options;

  private:
    static Task<void> keep_report(RunReport& report, Task<RunReport> run) { report = co_await std::move(run); }
};

}  // namespace syncline::test
