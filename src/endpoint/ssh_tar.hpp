// Tar streams, written for and read from a server's tar. Pure: text in, text out.
//
// The format is ustar (POSIX.1-1988) with GNU's L and K members for long names and its base-256 sizes, which every tar
// reads, and pax's mtime for fractions of a second, which some ignore. Names are bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/units.hpp"

namespace syncline {

inline constexpr size_t tar_block_bytes = 512;

struct TarMember {
    enum class Type : uint8_t { file, directory, symlink };
    Type type = Type::file;
    std::string path;
    std::string link;
    uint64_t size = 0;  ///< of a file
    uint16_t mode = 0600;
    TimeNs mtime = 0;
};

/// Appends the header of `member`. A file's content follows, then tar_padding().
void append_tar_header(std::string& out, const TarMember& member);
/// How many zero bytes follow a content of `size` bytes.
size_t tar_padding(uint64_t size);
/// What ends a stream.
void append_tar_end(std::string& out);

/// Receives what a TarReader finds. A member's data comes between begin() and end(); only files have some.
class TarSink {
  public:
    virtual ~TarSink() = default;
    virtual void begin(const TarMember& member) = 0;
    virtual void data(std::string_view bytes) = 0;
    virtual void end() = 0;
};

/// Reads a stream in whatever pieces it comes. Files, directories and symlinks reach the sink, with the names that the
/// stream gives: to judge them is the sink's. Hard links, devices and what is not understood are an error.
class TarReader {
  public:
    explicit TarReader(TarSink& sink) : sink_(sink) {}

    void feed(std::string_view bytes);

    /// Whether the stream came to its end, in order.
    bool is_whole() const { return state_ == State::ended; }
    /// "" or why nothing more is read.
    const std::string& error() const { return error_; }

  private:
    enum class State : uint8_t { header, content, extension, padding, ended, failed };

    size_t take(std::string_view bytes);
    void take_header(std::string_view block);
    void begin_member(char type, std::string_view block);
    void end_content();
    void read_extension();
    void read_pax(std::string_view text);
    void fail(std::string why);

    TarSink& sink_;
    State state_ = State::header;
    std::string block_;      ///< a header that is not whole yet
    std::string extension_;  ///< content of a member that tells of the next one
    char extension_type_ = 0;
    uint64_t rest_ = 0;  ///< bytes of content or padding still to come
    uint64_t padding_ = 0;
    std::string long_path_, long_link_;
    uint64_t pax_size_ = 0;
    TimeNs pax_mtime_ = 0;
    bool has_pax_size_ = false, has_pax_mtime_ = false;
    std::string error_;
};

}  // namespace syncline
