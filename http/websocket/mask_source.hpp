// Masks for what a client sends (RFC 6455, section 5.3): nobody may guess them. Internal.
#pragma once

#include <rondo/http/websocket/frame.hpp>

namespace rondo::http::detail {

// From the system's generator, many at a time; in the simulation they follow from its seed's time,
// so that a run can be repeated. Throws std::system_error.
[[nodiscard]] mask_key next_mask();

}  // namespace rondo::http::detail
