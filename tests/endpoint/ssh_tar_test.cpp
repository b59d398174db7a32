// Tar streams: what is written can be read again, and what is hostile is refused.
#include <catch2/catch_test_macros.hpp>

#include "endpoint/ssh_tar.hpp"

using namespace syncline;

namespace {

struct Collector : TarSink {
    std::vector<std::pair<TarMember, std::string>> members;
    int ends = 0;
    void begin(const TarMember& member) override { members.push_back({member, ""}); }
    void data(std::string_view bytes) override { members.back().second += bytes; }
    void end() override { ++ends; }
};

std::string stream_of(const std::vector<std::pair<TarMember, std::string>>& members) {
    std::string out;
    for (const auto& [member, content] : members) {
        append_tar_header(out, member);
        out += content;
        out.append(tar_padding(content.size()), '\0');
    }
    append_tar_end(out);
    return out;
}

TarMember member(TarMember::Type type, std::string path, std::string link = "") {
    TarMember made;
    made.type = type;
    made.path = std::move(path);
    made.link = std::move(link);
    made.mtime = 1'700'000'000'123'456'789;
    return made;
}

std::pair<TarMember, std::string> file(std::string path, std::string content) {
    TarMember made = member(TarMember::Type::file, std::move(path));
    made.size = content.size();
    return {made, std::move(content)};
}

}  // namespace

TEST_CASE("names of any length and bytes come back, in pieces of any size") {
    std::vector<std::pair<TarMember, std::string>> members;
    members.push_back({member(TarMember::Type::directory, "d"), ""});
    members.push_back(file("d/x", "hello"));
    members.push_back(file("d/empty", ""));
    members.push_back(file(std::string(700, 'n') + "/\xff\n\x01 '\"$(x)", std::string(5000, 'c')));
    members.push_back({member(TarMember::Type::symlink, "l", std::string(300, 't')), ""});
    TarMember old = member(TarMember::Type::directory, std::string(120, 'd'));
    old.mtime = -1'500'000'000;
    members.push_back({old, ""});
    std::string text = stream_of(members);
    for (size_t piece : {1, 7, 512, 10'000'000}) {
        Collector found;
        TarReader reader(found);
        for (size_t at = 0; at < text.size(); at += piece) reader.feed(std::string_view(text).substr(at, piece));
        CHECK(reader.error().empty());
        REQUIRE(reader.is_whole());
        REQUIRE(found.members.size() == members.size());
        CHECK(found.ends == static_cast<int>(members.size()));
        for (size_t i = 0; i < members.size(); ++i) {
            std::string path = members[i].first.path;
            if (members[i].first.type == TarMember::Type::directory) path += "/";
            CHECK(found.members[i].first.path == path);
            CHECK(found.members[i].first.link == members[i].first.link);
            CHECK(found.members[i].first.mtime == members[i].first.mtime);
            CHECK(found.members[i].second == members[i].second);
        }
    }
}

TEST_CASE("a stream that is cut off is not whole") {
    std::string text = stream_of({file("a", std::string(600, 'x'))});
    for (size_t length = 0; length < text.size() - tar_block_bytes; length += 100) {
        Collector found;
        TarReader reader(found);
        reader.feed(text.substr(0, length));
        CHECK_FALSE(reader.is_whole());
    }
}

TEST_CASE("hard links, devices and broken headers are refused") {
    for (char type : {'1', '3', '4', '6', 'S', 'V', 'Z'}) {
        std::string text = stream_of({file("a", "x")});
        // The checksum is the sum of all bytes, in octal.
        unsigned sum = static_cast<unsigned>(std::stoul(text.substr(1024 + 148, 6), nullptr, 8));
        sum += static_cast<unsigned>(type) - static_cast<unsigned>('0');
        text[1024 + 156] = type;
        char digits[8];
        std::snprintf(digits, sizeof digits, "%06o", sum);
        text.replace(1024 + 148, 6, digits);
        Collector found;
        TarReader reader(found);
        reader.feed(text);
        CHECK_FALSE(reader.error().empty());
        CHECK(found.members.empty());
    }
    std::string text = stream_of({file("a", "x")});
    text[1030] ^= 1;
    Collector found;
    TarReader reader(found);
    reader.feed(text);
    CHECK(reader.error() == "a header's checksum is wrong");
}

TEST_CASE("sizes past what octal digits can say are written") {
    TarMember large = member(TarMember::Type::file, "large");
    large.size = uint64_t{9} << 30;
    std::string text;
    append_tar_header(text, large);
    Collector found;
    TarReader reader(found);
    reader.feed(text);
    REQUIRE(found.members.size() == 1);
    CHECK(found.members[0].first.size == large.size);
}
