// Which handler answers a method and a path.
//
//   "/delay/{seconds}"    matches "/delay/2", and then param("seconds") is "2"
//   "/static/{rest...}"   matches "/static/", "/static/a" and "/static/a/b": all that follows
//
// Paths are compared segment by segment, each percent-decoded once: "/%75/a" is "/u/a", and "%2F"
// separates nothing. A pattern may be written either way too: "/café" and "/caf%C3%A9" are one
// route. Dot segments are segments like others.
//
// A parameter is one segment, never empty; {rest...} stands last and may be empty. What they give
// is decoded. Literal segments count for more than parameters, and these for more than {rest...}:
// the first segment in which two routes differ decides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rondo::http {

using path_params = std::vector<std::pair<std::string, std::string>>;

class router {
 public:
  // Throws std::invalid_argument, which says what is wrong: the method is no token, or CONNECT,
  // which has no path; the pattern does not begin with "/", holds "?", "#", a brace that is not at
  // the end of a segment, a "%" without two hexadecimal digits or a parameter without a name
  // (letters, digits, "_" and "-"), names one twice, goes on behind {rest...}, or is there already
  // for the method.
  void add(std::string_view method, std::string_view pattern, std::size_t handler);

  struct match {
    std::optional<std::size_t> handler;
    path_params params;
    // Without a handler: the methods that the path has, for Allow, with the HEAD that its GET
    // answers, and OPTIONS; empty: no such path.
    std::string allowed;
    // And the handler that another of its methods has.
    std::optional<std::size_t> nearest;
    // The path has a "%" that two hexadecimal digits do not follow, and matches nothing.
    bool malformed = false;
  };
  // HEAD is answered by GET's handler when it has none of its own. `path` is percent-encoded.
  match find(std::string_view method, std::string_view path) const;
  // The methods that any path has, in the order in which they came, for Allow.
  std::string all_methods() const;
  bool has_method(std::string_view method) const noexcept;

 private:
  // In the order of what counts for more.
  enum class kind : std::uint8_t { literal, param, rest };
  struct segment {
    std::string text;  // a parameter's name, or what must stand there, decoded
    kind what = kind::literal;
  };
  struct route {
    std::string method;
    std::vector<segment> segments;
    std::size_t handler;
  };
  static segment parse_segment(std::string_view text);
  static bool matches(const route& r, std::span<const std::string_view> path) noexcept;
  static bool more_literal(const route& a, const route& b) noexcept;

  // The beginning of its first segment, and where it stands in routes_.
  using place = std::pair<std::uint64_t, std::size_t>;

  std::vector<route> routes_;
  std::vector<place> by_beginning_;  // sorted: what may match a path is found in O(log n)
};

}  // namespace rondo::http
