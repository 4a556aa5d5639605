// Which handler answers a method and a path.
//
//   "/delay/{seconds}" matches "/delay/2", and then param("seconds") is "2". A parameter is one segment,
//   percent-decoded; literal segments count for more than parameters.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rondo::http {

using path_params = std::vector<std::pair<std::string, std::string>>;

class router {
 public:
  // Throws std::invalid_argument when the pattern does not begin with "/", names a parameter twice, or is
  // there already for the method.
  void add(std::string_view method, std::string_view pattern, std::size_t handler);

  struct match {
    std::optional<std::size_t> handler;
    path_params params;
    std::string
        allowed;  // without a handler: the methods that the path has, for Allow; empty: no such path
  };
  // HEAD is answered by GET's handler when it has none of its own.
  match find(std::string_view method, std::string_view path) const;

 private:
  struct segment {
    std::string text;
    bool is_param = false;
    friend bool operator==(const segment&, const segment&) = default;
  };
  struct route {
    std::string method;
    std::vector<segment> segments;
    std::size_t handler;
  };
  static bool matches(const route& r, const std::vector<std::string_view>& path) noexcept;
  static bool more_literal(const route& a, const route& b) noexcept;

  std::vector<route> routes_;
};

}  // namespace rondo::http
