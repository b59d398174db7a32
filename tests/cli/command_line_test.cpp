#include "cli/command_line.hpp"

#include <catch2/catch_test_macros.hpp>
#include <set>

#include "base/error.hpp"
#include "cli/parse_command_line.hpp"
#include "reports.hpp"

using namespace syncline::cli;
using Kind = ParsedCommandLine::Kind;
using Words = std::vector<std::string>;

namespace {

CommandLine parsed(const Words& words) {
    ParsedCommandLine result = parse_command_line(words);
    INFO(result.text);
    REQUIRE(result.kind == Kind::command);
    return result.line;
}

std::string refused(const Words& words) {
    ParsedCommandLine result = parse_command_line(words);
    REQUIRE(result.kind == Kind::error);
    CHECK(result.text.ends_with("'.\n"));
    return result.text;
}

}  // namespace

TEST_CASE("options go to their fields, before and behind the command") {
    CommandLine line =
        parsed({"-v", "apply", "jobs.toml", "--once", "--job", "a", "--job=b", "--dry-run", "--adopt", "--json"});
    CHECK(line.command == Command::apply);
    CHECK(line.arguments == Words{"jobs.toml"});
    CHECK(line.jobs == Words{"a", "b"});
    CHECK((line.verbose && line.once && line.dry_run && line.adopt && line.json));
    CHECK_FALSE((line.quiet || line.force || line.detach));
}

TEST_CASE("push takes every shared option") {
    CommandLine line = parsed({"push",       "thesis",   "a",          "b",      "-x",     "*.o",        "-x",
                               "[ab]",       "-i",       "{c,d}",      "-d",     "/mnt/x", "--force",    "--restart",
                               "--tar",      "--delete", "--checksum", "--root", ".",      "--remote",   "/r",
                               "--sync-cwd", "-f",       "my.toml",    "-b",     "b2",     "--log-file", "l"});
    CHECK(line.arguments == Words{"thesis", "a", "b"});
    CHECK(line.exclude == Words{"*.o", "[ab]"});
    CHECK(line.include == Words{"{c,d}"});
    CHECK(line.remote_dir == "/mnt/x");
    CHECK((line.force && line.restart && line.tar && line.remove && line.checksum && line.sync_cwd));
    CHECK((line.root == "." && line.remote == "/r" && line.file == "my.toml" && line.bucket == "b2" &&
           line.log_file == "l"));
    CHECK(parsed({"pull", "--dest", "d"}).remote_dir == "d");
    CHECK(parsed({"pull", "--remote-dir=d", "--overwrite"}).overwrite);
}

TEST_CASE("words are taken as they are") {
    CHECK(parsed({"push", "plan"}).arguments == Words{"plan"});
    CHECK(parsed({"push", "[a,b]", "{}"}).arguments == Words{"[a,b]", "{}"});
    CHECK(parsed({"push", "-x", "*.o", "file"}).arguments == Words{"file"});
    CHECK(parsed({"push", "--", "-odd", "--name"}).arguments == Words{"-odd", "--name"});
    CHECK(parsed({"push", "-x=-a"}).exclude.size() == 1);
    CHECK(parsed({"push", "--exclude=-a"}).exclude == Words{"-a"});
    CHECK(parsed({"explain", "a=b"}).arguments == Words{"a=b"});
    CHECK(parsed({"plan", "-v", "-v"}).verbose);
}

TEST_CASE("two dashes end the options of every command") {
    CHECK(parsed({"push", "thesis", "--", "-n", "--json"}).arguments == Words{"thesis", "-n", "--json"});
    CHECK(parsed({"push", "thesis", "-n", "--", "--", "-x"}).arguments == Words{"thesis", "--", "-x"});
    CHECK(parsed({"push", "-n", "--", "run", "[a]"}).arguments == Words{"run", "[a]"});
    CHECK(parsed({"--", "push", "-n"}).arguments == Words{"-n"});
    CHECK(parsed({"-v", "--", "push"}).command == Command::push);
    CHECK(parsed({"run", "thesis", "--", "--", "-n"}).remote_command == Words{"--", "-n"});
    CHECK(contains(refused({"init", "--", "-n"}), "unexpected argument '-n'"));
    for (const CommandSpec& spec : command_table()) {
        if (spec.argument.most == 0 || spec.command == Command::run || spec.command == Command::help) continue;
        CHECK(parsed({std::string(spec.name), "--", "-n"}).arguments == Words{"-n"});
    }
}

TEST_CASE("a run's switches go to their fields") {
    CommandLine push = parsed({"push", "--never-delete", "--preserve", "--bwlimit", "2MiB/s", "--accept-new-host-key"});
    CHECK((push.never_delete && push.preserve && push.accept_new_host_key));
    CHECK(require_rate(push.bandwidth_limit) == 2 << 20);
    CHECK(require_rate("500KiB") == 500 << 10);
    for (const char* wrong : {"0", "fast", "12", "/s", "-1MiB"}) CHECK_THROWS_AS(require_rate(wrong), syncline::Error);
    CHECK(parsed({"pull", "--missing"}).missing);
    CHECK(parsed({"pull", "--update"}).update);
    CHECK(parsed({"sync", "thesis", "--delete", "--missing"}).command == Command::sync);
    CHECK(contains(refused({"push", "--missing"}), "'--missing'"));
    CHECK(contains(refused({"pull", "--preserve"}), "'--preserve'"));
}

TEST_CASE("help is a command too") {
    CHECK(parse_command_line({"help"}).text == parse_command_line({"--help"}).text);
    CHECK(parse_command_line({"help", "push"}).text == parse_command_line({"push", "--help"}).text);
    CHECK(contains(refused({"help", "psh"}), "unknown command 'psh'; did you mean 'push'?"));
}

TEST_CASE("a wrong command line is refused by a message that names what is wrong") {
    CHECK(contains(refused({"push", "--exlude", "x"}), "unknown option '--exlude'; did you mean '--exclude'?"));
    CHECK(contains(refused({"psh"}), "unknown command 'psh'; did you mean 'push'?"));
    CHECK(contains(refused({}), "no command given"));
    CHECK(contains(refused({"check", "a", "b"}), "unexpected argument 'b'"));
    CHECK(contains(refused({"apply", "--job"}), "--job"));
    CHECK(contains(refused({"explain"}), "PATH"));
    CHECK(contains(refused({"push", "--missing"}), "'--missing'"));
    CHECK(contains(refused({"pull", "--delete"}), "'--delete'"));
    CHECK(contains(refused({"apply", "--once=maybe"}), "--once"));
    CHECK(contains(refused({"\x1b[31m"}), "\\x1b[31m"));
}

TEST_CASE("commands of later parts are known") {
    CHECK(parsed({"run", "job", "--sync", "--", "make", "-j2"}).command == Command::run);
    CHECK(parsed({"auto", "job", "-i", "60s", "--stop"}).command == Command::automatic);
    CHECK(parsed({"run", "--", "ls", "-l"}).command == Command::run);
    CHECK(parsed({"-v", "run", "--pull", "--", "make"}).command == Command::run);
    CHECK(parsed({"status", "push", "--json"}).command == Command::status);
    CHECK(parsed({"--log-file", "run", "push", "x"}).command == Command::push);
    CHECK(parse_command_line({"run", "--help"}).kind == Kind::text);
    CHECK(parsed({"run", "--", "ls", "--help"}).command == Command::run);
}

TEST_CASE("help and version are texts") {
    CHECK(parse_command_line({"--version"}).text.starts_with("syncline "));
    CHECK(parse_command_line({"--version"}).kind == Kind::text);
    std::string help = parse_command_line({"--help"}).text;
    for (const CommandSpec& spec : command_table()) CHECK(contains(help, std::string(spec.name)));
    for (const CommandSpec& spec : command_table()) {
        if (!spec.is_built) continue;
        std::string text = parse_command_line({std::string(spec.name), "--help"}).text;
        INFO(text);
        for (std::string_view option : spec.options) CHECK(contains(text, option_spec(option).hidden ? "" : option));
    }
}

TEST_CASE("the tables hold together: every name is there once, every option is used") {
    std::set<std::string> names, used;
    // A letter may mean another thing to another command: -i is --include, and --interval of auto.
    for (const OptionSpec& option : option_table()) {
        for (const std::string& name : option_names(option)) {
            if (name.starts_with("--")) CHECK(names.insert(name).second);
        }
    }
    for (const CommandSpec& spec : command_table()) {
        std::set<std::string> letters;
        for (std::string_view option : spec.options) {
            for (const std::string& name : option_names(option_spec(option))) CHECK(letters.insert(name).second);
        }
    }
    for (const CommandSpec& spec : command_table()) {
        for (std::string_view option : spec.options) used.insert(std::string(option_spec(option).names));
    }
    for (std::string_view option : common_options()) used.insert(std::string(option_spec(option).names));
    CHECK(used.size() == option_table().size());
}
