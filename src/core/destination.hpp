// Destination: where a job sends to or pulls from.
#pragma once

#include <cstdint>
#include <string>

namespace syncline {

struct Destination {
    enum class Type : uint8_t { local, ssh, bucket };
    Type type = Type::local;
    std::string name;  ///< the host or bucket; "" for local
    std::string path;  ///< absolute for local; DIR or PREFIX as written otherwise
};

}  // namespace syncline
