// Conditional requests (RFC 9110, section 13): whether what a client has, or has seen, is still
// what there is. Pure functions of a request's fields. Internal.
//
//   const validators current{.tag = entity_tag{"1f-5"}, .modified = at};
//   switch (check_conditions(r.method(), r.headers(), current, now)) {
//     case condition::not_modified: …  // 304
//     case condition::failed: …        // 412
//     case condition::met: …
//   }
#pragma once

#include <rondo/http/headers.hpp>
#include <rondo/http/server/ranges.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::http::detail {

// RFC 9110, section 8.8.3.
struct entity_tag {
  std::string opaque;  // between the quotes
  bool weak = false;

  // As a field's value: "x" or W/"x".
  [[nodiscard]] std::string to_string() const;
};

// Takes an entity tag from the front of `text`; nullopt, and nothing is taken, when none is there.
[[nodiscard]] std::optional<entity_tag> take_entity_tag(std::string_view& text);

// What is known of the representation that a request would get.
struct validators {
  std::optional<entity_tag> tag;
  std::optional<std::chrono::sys_seconds> modified;
  // It may have changed twice within that second, unseen (RFC 9110, section 8.8.2.2).
  bool modified_is_weak = false;
};

enum class condition : std::uint8_t { met, not_modified, failed };

// The preconditions in the order of RFC 9110, section 13.2.2, If-Range excepted. `current` is null
// when there is no representation. Dates that are none, and a list that is broken, are as good as
// absent where the answer to that is the whole representation, and fail where it is a refusal.
[[nodiscard]] condition check_conditions(std::string_view method, const headers& request,
                                         const validators* current, std::chrono::sys_seconds now);

// Whether a Range field counts (RFC 9110, section 13.1.5): there is no If-Range, or it names what
// there is, by a strong tag or a date that is known to be exact.
[[nodiscard]] bool range_counts(const headers& request, const validators& current,
                                std::chrono::sys_seconds now);

// What a request gets of a representation of `size` bytes: 200, 206 with the parts, 304, 412 or
// 416 (RFC 9110, section 13.2.2). Ranges are for GET alone (section 14.2).
struct selection {
  int status = 200;
  std::vector<byte_range> parts;
};
[[nodiscard]] selection select(std::string_view method, const headers& request,
                               const validators& current, std::uint64_t size,
                               std::chrono::sys_seconds now);

}  // namespace rondo::http::detail
