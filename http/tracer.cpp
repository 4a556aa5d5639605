#include <rondo/http/tracer.hpp>
#include <rondo/runtime/loop.hpp>

namespace rondo::http {

std::string_view to_string(trace_point p) noexcept {
  switch (p) {
    case trace_point::begun: return "begun";
    case trace_point::queued: return "queued";
    case trace_point::granted: return "granted";
    case trace_point::resolving: return "resolving";
    case trace_point::resolved: return "resolved";
    case trace_point::connecting: return "connecting";
    case trace_point::connected: return "connected";
    case trace_point::tunnelled: return "tunnelled";
    case trace_point::secured: return "secured";
    case trace_point::head_sent: return "head sent";
    case trace_point::sent: return "sent";
    case trace_point::interim: return "interim";
    case trace_point::first_byte: return "first byte";
    case trace_point::head: return "head";
    case trace_point::redirected: return "redirected";
    case trace_point::retried: return "retried";
    case trace_point::done: return "done";
    case trace_point::failed: return "failed";
    case trace_point::given_up: return "given up";
    case trace_point::frame: return "frame";
  }
  return "unknown";
}

std::chrono::steady_clock::time_point detail::trace_clock() {
  return rondo::detail::this_core().simulated() ? this_loop().now()
                                                : std::chrono::steady_clock::now();
}

}  // namespace rondo::http
