#include <rondo/http/http2/error_code.hpp>

#include <array>
#include <cstddef>

namespace rondo::http::detail {

std::string_view to_string(http2_code c) noexcept {
  static constexpr std::array<std::string_view, 14> names{"NO_ERROR",
                                                          "PROTOCOL_ERROR",
                                                          "INTERNAL_ERROR",
                                                          "FLOW_CONTROL_ERROR",
                                                          "SETTINGS_TIMEOUT",
                                                          "STREAM_CLOSED",
                                                          "FRAME_SIZE_ERROR",
                                                          "REFUSED_STREAM",
                                                          "CANCEL",
                                                          "COMPRESSION_ERROR",
                                                          "CONNECT_ERROR",
                                                          "ENHANCE_YOUR_CALM",
                                                          "INADEQUATE_SECURITY",
                                                          "HTTP_1_1_REQUIRED"};
  const auto n = static_cast<std::size_t>(c);
  return n < names.size() ? names[n] : "an unknown code";
}

}  // namespace rondo::http::detail
