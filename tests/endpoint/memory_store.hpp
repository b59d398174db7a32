// A bucket in memory behind a ScriptedServer, healthy but for what a test's fault answers instead.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "s3/scripted_server.hpp"

namespace syncline::s3 {

struct StoredObject {
    std::string bytes, etag;
    std::map<std::string, std::string> metadata;  ///< whole header names
};

class MemoryStore {
  public:
    /// Asked first; what it answers stands. nullopt: the store answers.
    using Fault = std::function<std::optional<Reply>(const SeenRequest&)>;

    MemoryStore() : server_([this](const SeenRequest& request) { return serve(request); }) {}

    void set_fault(Fault fault);
    void put(const std::string& key, const std::string& bytes);
    /// Key -> content.
    std::map<std::string, std::string> contents() const;
    /// The healthy answer, for faults that come after the deed.
    Reply obey(const SeenRequest& request);
    ScriptedServer& server() { return server_; }

  private:
    Reply serve(const SeenRequest& request);
    Reply list(const std::string& query) const;
    Reply write(const SeenRequest& request, const std::string& key, const std::string& query);
    Reply read(const SeenRequest& request, const std::string& key) const;
    Reply remove_many(const std::string& body);

    mutable std::mutex mutex_;
    Fault fault_;
    std::map<std::string, StoredObject> objects_, uploads_;
    std::map<std::string, std::map<int, std::string>> parts_;
    ScriptedServer server_;  // last: its threads use the rest
};

/// The key of a request to this store; "" of the bucket.
std::string key_of(const SeenRequest& request);
bool is_list(const SeenRequest& request);
bool is_multipart(const SeenRequest& request);

}  // namespace syncline::s3
