// A value with parameters, as Content-Type, Content-Disposition and the members of Accept are (RFC
// 9110, section 5.6.6). Internal.
//
//     parameter_reader p("multipart/form-data; boundary=\"a b\"");
//     p.value();                        // "multipart/form-data"
//     while (p.next()) use(p.name(), p.text());   // boundary, a b
//     if (p.malformed()) …
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rondo::http::detail {

class parameter_reader {
 public:
  explicit parameter_reader(std::string_view field) noexcept;

  // What stands before the first ";", without the white space around it.
  [[nodiscard]] std::string_view value() const noexcept { return value_; }
  // The next parameter; false behind the last, and at what is none. `text` of a quoted string is
  // without its quotes; a backslash escapes a quote and a backslash, and stands for itself before
  // anything else, because browsers have sent paths so.
  bool next();
  [[nodiscard]] std::string_view name() const noexcept { return name_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] bool malformed() const noexcept { return malformed_; }

 private:
  bool fail() noexcept {
    malformed_ = true;
    return false;
  }

  std::string_view rest_;  // from a ";" on
  std::string_view value_;
  std::string_view name_;
  std::string text_;
  bool malformed_ = false;
};

// The parameter of this name, case aside; empty when there is none.
[[nodiscard]] std::string parameter_of(std::string_view field, std::string_view name);

// A qvalue in thousandths (section 12.4.2): "0.5" is 500; -1 for what is none.
[[nodiscard]] int parse_weight(std::string_view text) noexcept;

}  // namespace rondo::http::detail
