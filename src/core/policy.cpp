#include "core/policy.hpp"

namespace syncline {

std::string_view policy_name(Direction direction) { return direction == Direction::push ? "push" : "pull"; }

std::string_view policy_name(DeletePolicy policy) {
    switch (policy) {
        case DeletePolicy::mirror: return "mirror";
        case DeletePolicy::synced: return "synced";
        case DeletePolicy::never: return "never";
    }
    return "";
}

std::string_view policy_name(OverwritePolicy policy) {
    return policy == OverwritePolicy::always ? "always" : "unchanged";
}

std::string_view policy_name(PullPolicy policy) {
    switch (policy) {
        case PullPolicy::generated: return "generated";
        case PullPolicy::missing: return "missing";
        case PullPolicy::update: return "update";
        case PullPolicy::mirror: return "mirror";
    }
    return "";
}

uint16_t target_mode(const Policy& policy, bool is_directory, uint16_t source_mode) {
    constexpr uint16_t permission_bits = 0777;  // setuid, setgid and sticky bits are never carried
    if (policy.permissions == PermissionPolicy::preserve) return source_mode & permission_bits;
    if (is_directory) return 0700;
    return source_mode & permission_bits & static_cast<uint16_t>(~policy.umask);
}

}  // namespace syncline
