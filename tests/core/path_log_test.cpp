#include "core/path_log.hpp"

#include <catch2/catch_test_macros.hpp>
#include <random>

using namespace syncline;

TEST_CASE("a path's log tells what a run did with it, and why, in order") {
    PathLog log;
    CHECK(log.bytes().empty());
    log.add_done("a", Op::put, Reason::content_differs);
    log.add_done("d", Op::chmod, Reason::opened_for_changes);
    log.add_done("d/old", Op::remove, Reason::gone_from_source);
    log.add_done("d", Op::chmod, Reason::closed_after_changes);
    log.add_problem({"b", "it could not be read: Permission denied"});
    log.add_note({"pipe", "a FIFO"});
    auto of = [&](std::string_view path) { return find_in_path_log(log.bytes(), path); };
    CHECK(of("a") == "put it on the target: content differs");
    CHECK(of("d/old") == "deleted it from the target: not in the source");
    CHECK(of("d") ==
          "set its mode on the target: opened for the changes in it, then "
          "set its mode on the target: closed again after the changes in it");
    CHECK(of("b") == "reported: it could not be read: Permission denied");
    CHECK(of("pipe") == "noted: a FIFO");
    CHECK(of("").empty());
    CHECK(of("old").empty());
}

TEST_CASE("every operation and reason has words in a log") {
    for (int op = 0; op <= static_cast<int>(Op::conflict); ++op) {
        for (int reason = 0; reason <= static_cast<int>(Reason::closed_after_changes); ++reason) {
            PathLog log;
            log.add_done("p", static_cast<Op>(op), static_cast<Reason>(reason));
            CHECK(find_in_path_log(log.bytes(), "p")
                      .ends_with(": " + std::string(reason_text(static_cast<Reason>(reason)))));
        }
    }
}

TEST_CASE("no bytes of a message or a path are taken for another entry") {
    PathLog log;
    log.add_problem({"a\nb", std::string("why\0bx", 6)});
    log.add_problem({"x", "\xff\x1b[2J"});
    CHECK(find_in_path_log(log.bytes(), "a\nb") == "reported: why");
    CHECK(find_in_path_log(log.bytes(), "x").find('\x1b') == std::string::npos);
}

TEST_CASE("damaged logs are read without trouble") {
    std::mt19937_64 random(1);
    PathLog log;
    for (int i = 0; i < 20; ++i) log.add_done("p" + std::to_string(i % 3), Op::put, Reason::forced);
    for (int round = 0; round < 2000; ++round) {
        std::string bytes = log.bytes();
        for (int i = 0; i < 4; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
        bytes.resize(random() % (bytes.size() + 1));
        std::string found = find_in_path_log(bytes, "p1");
        CHECK((found.empty() || found.find("on the target") != std::string::npos ||
               found.find("from the target") != std::string::npos || found.find("ed: ") != std::string::npos ||
               found.find("left it alone") != std::string::npos));
    }
}
