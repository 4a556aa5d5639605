#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/media_type.hpp>

#include <algorithm>

namespace rondo::http::detail {

parameter_reader::parameter_reader(std::string_view field) noexcept {
  const std::size_t end = std::min(field.find(';'), field.size());
  value_ = trim_ows(field.substr(0, end));
  rest_ = field.substr(end);
}

bool parameter_reader::next() {
  const auto skip_space = [this] {
    while (!rest_.empty() && is_ows(rest_.front())) rest_.remove_prefix(1);
  };
  for (;;) {  // empty parameters, as in "a;;b=c", are none
    skip_space();
    if (malformed_ || rest_.empty()) return false;
    if (rest_.front() != ';') return fail();
    rest_.remove_prefix(1);
    skip_space();
    if (rest_.empty() || rest_.front() != ';') break;
  }
  if (rest_.empty()) return false;
  const std::size_t name_end = skip(token_bytes, rest_);
  name_ = rest_.substr(0, name_end);
  if (name_.empty() || name_end == rest_.size() || rest_[name_end] != '=') return fail();
  rest_.remove_prefix(name_end + 1);
  text_.clear();
  if (rest_.empty() || rest_.front() != '"') {
    const std::size_t end = skip(token_bytes, rest_);
    if (end == 0) return fail();
    text_.assign(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return true;
  }
  for (std::size_t i = 1; i < rest_.size(); ++i) {
    if (rest_[i] == '"') {
      rest_.remove_prefix(i + 1);
      return true;
    }
    if (rest_[i] == '\\' && i + 1 < rest_.size() && (rest_[i + 1] == '"' || rest_[i + 1] == '\\'))
      ++i;
    text_ += rest_[i];
  }
  return fail();  // the quotes never end
}

std::string parameter_of(std::string_view field, std::string_view name) {
  parameter_reader p(field);
  while (p.next())
    if (iequals(p.name(), name)) return p.text();
  return {};
}

int parse_weight(std::string_view text) noexcept {
  static constexpr std::size_t longest = 5;  // "0.123"
  if (text.empty() || text.size() > longest || (text[0] != '0' && text[0] != '1')) return -1;
  int thousandths = (text[0] - '0') * 1000;
  if (text.size() > 1 && text[1] != '.') return -1;
  int unit = 100;
  for (std::size_t i = 2; i < text.size(); ++i, unit /= 10) {
    if (!is_digit(text[i])) return -1;
    thousandths += (text[i] - '0') * unit;
  }
  return thousandths > 1000 ? -1 : thousandths;
}

}  // namespace rondo::http::detail
