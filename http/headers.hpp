// Header fields: ordered, case-insensitive names, more than one value a name.
//
//     http::headers h{{"Accept", "text/html"}};
//     h.add("Accept", "text/plain");
//     h.get("accept");   // "text/html": the first
//     for (auto [name, value] : h) …
//
// The fields are kept in one string exactly as they go over the wire ("Name: value\r\n" after one
// another), beside a vector of offsets: two allocations however many fields, and writing them out
// is one copy. What is in here is always valid: names are tokens and values hold no control byte,
// so that no value can smuggle a line into a message (RFC 9110, sections 5.1 and 5.5).
//
// Views that are handed out live until the next change.
#pragma once

#include <rondo/version.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rondo::http {

namespace detail {
struct headers_access;
}

class headers {
 public:
  struct field {
    std::string_view name;
    std::string_view value;
  };
  class iterator;

  headers() = default;
  // With these fields, in this order. Throws as add.
  headers(std::initializer_list<std::pair<std::string_view, std::string_view>> fields);

  // Adds a field after the others. Spaces and tabs around the value are dropped. Throws
  // std::invalid_argument, before anything has changed, when the name is no token or the value
  // holds CR, LF, NUL or another control; the message tells the name and never the value.
  void add(std::string_view name, std::string_view value);
  // The same, after removing every field of this name.
  void set(std::string_view name, std::string_view value);
  // How many were removed.
  std::size_t remove(std::string_view name);
  void clear() noexcept;

  // The first field of this name.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept;
  // All of them, in order.
  [[nodiscard]] std::vector<std::string_view> get_all(std::string_view name) const;
  [[nodiscard]] bool contains(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept;

  // Whether `token` is a member of the comma-separated list that all fields of this name make
  // together (RFC 9110, section 5.6.1): has_token("Connection", "close"). Case does not matter,
  // empty members are skipped, a comma within a quoted string parts nothing.
  [[nodiscard]] bool has_token(std::string_view name, std::string_view token) const noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] field operator[](std::size_t index) const noexcept { return at(entries_[index]); }
  [[nodiscard]] iterator begin() const noexcept;
  [[nodiscard]] iterator end() const noexcept;

  // All fields as they go over the wire, each with its CRLF.
  [[nodiscard]] std::string_view wire() const noexcept { return text_; }

  // The same fields with the same bytes in the same order.
  friend bool operator==(const headers& a, const headers& b) noexcept { return a.text_ == b.text_; }

 private:
  friend struct detail::headers_access;

  struct entry {
    std::uint32_t begin;
    std::uint32_t name_size;
    std::uint32_t value_size;
  };
  [[nodiscard]] field at(entry e) const noexcept {
    const char* name = text_.data() + e.begin;
    return {{name, e.name_size}, {name + e.name_size + 2, e.value_size}};
  }
  void append(std::string_view name, std::string_view value);

  std::string text_;
  std::vector<entry> entries_;
};

// Goes over the fields in their order. Valid until they are changed.
class headers::iterator {
 public:
  using iterator_concept = std::forward_iterator_tag;
  using iterator_category = std::input_iterator_tag;  // dereferencing makes a field
  using value_type = field;
  using difference_type = std::ptrdiff_t;
  using reference = field;
  using pointer = void;

  iterator() = default;
  iterator(const headers& h, std::size_t index) noexcept : headers_(&h), index_(index) {}
  field operator*() const noexcept { return (*headers_)[index_]; }
  iterator& operator++() noexcept {
    ++index_;
    return *this;
  }
  iterator operator++(int) noexcept {
    iterator before = *this;
    ++index_;
    return before;
  }
  friend bool operator==(const iterator& a, const iterator& b) noexcept {
    return a.index_ == b.index_;
  }

 private:
  const headers* headers_ = nullptr;
  std::size_t index_ = 0;
};

inline headers::iterator headers::begin() const noexcept { return {*this, 0}; }
inline headers::iterator headers::end() const noexcept { return {*this, entries_.size()}; }

namespace detail {

// For the parser, which has checked every byte already.
struct headers_access {
  static void append(headers& h, std::string_view name, std::string_view value) {
    h.append(name, value);
  }
  // The same with the name in lower case.
  static void append_lower(headers& h, std::string_view name, std::string_view value);
  // Continues the value of the last field after one space (obs-fold).
  static void extend_last(headers& h, std::string_view more);
  static void reserve(headers& h, std::size_t bytes, std::size_t fields);
  // The same, of a whole line as it is kept: "Name: value\r\n".
  static void append_line(headers& h, std::string_view line, std::size_t name_size);
  // The member of a comma-separated list that begins at `at`, which is moved behind it; false past
  // the last.
  static bool next_in_list(std::string_view list, std::size_t& at,
                           std::string_view& member) noexcept;
};

}  // namespace detail
}  // namespace rondo::http
