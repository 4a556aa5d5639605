// The host of a URL, from text to normal form (WHATWG URL, section 3.5). Internal.
#pragma once

#include <string>
#include <string_view>

namespace rondo::http::detail {

// The host in normal form, or why it is refused.
struct host_result {
  std::string host;
  const char* problem = nullptr;  // null when all is well
};

// `text` is what stands between the userinfo and the port of an http or ws URL.
[[nodiscard]] host_result parse_host(std::string_view text);

}  // namespace rondo::http::detail
