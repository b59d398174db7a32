// Routes: what the status endpoint answers to a request, and to whom. No I/O; any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "status/publication.hpp"

namespace syncline::status {

struct Asked {
    std::string_view method, path;     ///< the path decoded, without its query
    std::vector<std::string> hosts;    ///< every Host header
    std::vector<std::string> origins;  ///< every Origin header
};

struct Answer {
    int status = 200;
    std::string type;
    std::shared_ptr<const std::string> body;
    bool is_stream = false;  ///< of events: they are the body
    std::vector<std::pair<std::string, std::string>> headers;
};

class Routes {
  public:
    /// `publication` outlives the routes.
    explicit Routes(const Publication& publication) : publication_(publication) {}

    Answer answer(const Asked& asked, TimeNs now);

    /// status_json() of `snapshot`, made once for all who ask.
    std::shared_ptr<const std::string> status_text(const Snapshot& snapshot);

  private:
    Answer find(std::string_view path, TimeNs now);
    Answer job(std::string_view name, TimeNs now) const;
    Answer health(TimeNs now) const;

    const Publication& publication_;
    std::mutex mutex_;
    std::shared_ptr<const std::string> text_;
    uint64_t text_sequence_ = UINT64_MAX;
};

/// Whoever asked: no answer is kept, framed, guessed at or given scripts of others.
const std::vector<std::pair<std::string, std::string>>& headers_of_all_answers();

}  // namespace syncline::status
