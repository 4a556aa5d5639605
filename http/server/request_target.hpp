// What a request is addressed to, in the forms of RFC 9112, section 3.2. Internal.
#pragma once

#include <cstddef>
#include <string_view>

namespace rondo::http::detail {

struct request_target {
  const char* problem = nullptr;  // why it is refused (400); null when all is well
  // Of an absolute-form: it counts in place of the Host field. Empty in the other forms.
  std::string_view authority;
  // Where the path stands in the target; of no size when an absolute-form has none, which means
  // "/". The query follows it behind a "?".
  std::size_t path_begin = 0;
  std::size_t path_size = 0;
  // It is about the server as a whole: "*", or an absolute-form of OPTIONS without path and query.
  bool whole_server = false;
};

// `target` is one that head_scan has taken for `method`. authority points into it.
[[nodiscard]] request_target read_target(std::string_view method, std::string_view target) noexcept;

}  // namespace rondo::http::detail
