// StatusEndpoint: the HTTP server of a running engine, as its job file's [status] says. Engine's thread; outlives the
// engine, and is outlived by the publication.
#pragma once

#include <optional>
#include <string>

#include "cli/output.hpp"
#include "engine/engine.hpp"
#include "status/server.hpp"

namespace syncline::cli {

class StatusEndpoint final : public EngineObserver {
  public:
    StatusEndpoint(std::string listen, status::Publication& publication, Output& output)
        : listen_(std::move(listen)), publication_(publication), output_(output) {}
    /// Whoever follows the events is let go first.
    ~StatusEndpoint() override { publication_.end(); }

    /// Listens, and says where; does nothing without a [status] table. Throws Error when that is not possible.
    void start() {
        if (listen_.empty()) return;
        server_.emplace(listen_, publication_);
        output_.info("the status is on " + server_->address());
    }

    /// The socket stays what it is while the engine runs.
    void reloaded(const JobChanges&, const JobFile& file) override {
        if (file.status_listen != listen_)
            output_.warning("[status] listen was edited; it is taken up when the engine is started again");
    }

  private:
    std::string listen_;
    status::Publication& publication_;
    Output& output_;
    std::optional<status::Server> server_;
};

}  // namespace syncline::cli
