#include <rondo/http/errors.hpp>
#include <rondo/http/wire/event_parser.hpp>

#include <charconv>
#include <system_error>
#include <utility>

namespace rondo::http::detail {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

[[noreturn]] void refuse_length(const char* what, std::size_t most) {
  throw protocol_error("the event stream has " + std::string(what) + " of more than " +
                       std::to_string(most) + " bytes");
}

// Digits alone, at least one; what is too large is the largest there is.
std::optional<std::chrono::milliseconds> read_milliseconds(std::string_view text) noexcept {
  using ms = std::chrono::milliseconds;
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  ms::rep n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  return error == std::errc() ? ms(n) : ms::max();
}

}  // namespace

std::optional<message_event> event_parser::next(std::string_view& input) {
  while (!input.empty()) {
    if (std::exchange(after_cr_, false) && input.front() == '\n') {
      input.remove_prefix(1);
      continue;
    }
    const std::size_t end = input.find_first_of("\r\n");
    if (end == std::string_view::npos) {
      keep(input);
      input = {};
      break;
    }
    after_cr_ = input[end] == '\r';
    std::string_view line = input.substr(0, end);
    input.remove_prefix(end + 1);
    // Most lines come whole, and need not be kept.
    if (line_.empty()) {
      if (line.size() > limits_.line_bytes) refuse_length("a line", limits_.line_bytes);
    } else {
      keep(line);
      line = line_;
    }
    const bool ended = read_line(line);
    line_.clear();
    if (!ended) continue;
    message_event e{type_.empty() ? "message" : std::move(type_), std::move(data_), last_id_};
    type_.clear();
    data_.clear();
    return e;
  }
  return std::nullopt;
}

void event_parser::begin_again() {
  id_ = last_id_;
  line_.clear();
  type_.clear();
  data_.clear();
  first_line_ = true;
  after_cr_ = false;
}

bool event_parser::read_line(std::string_view line) {
  if (std::exchange(first_line_, false) && line.starts_with(byte_order_mark))
    line.remove_prefix(byte_order_mark.size());
  if (line.empty()) {
    last_id_ = id_;
    if (data_.empty()) {
      type_.clear();
      return false;
    }
    data_.pop_back();  // the LF behind its last line
    return true;
  }
  const std::size_t colon = line.find(':');
  if (colon == 0) return false;  // a comment
  if (colon == std::string_view::npos) {
    read_field(line, {});
    return false;
  }
  std::string_view value = line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  read_field(line.substr(0, colon), value);
  return false;
}

void event_parser::read_field(std::string_view name, std::string_view value) {
  if (name == "data") {
    if (type_.size() + data_.size() + value.size() > limits_.event_bytes)
      refuse_length("an event", limits_.event_bytes);
    data_.append(value) += '\n';
  } else if (name == "event") {
    if (data_.size() + value.size() > limits_.event_bytes)
      refuse_length("an event", limits_.event_bytes);
    type_ = value;
  } else if (name == "id") {
    if (value.size() > limits_.id_bytes) refuse_length("an id", limits_.id_bytes);
    if (value.find('\0') == std::string_view::npos) id_ = value;
  } else if (name == "retry") {
    if (const auto d = read_milliseconds(value)) retry_ = d;
  }
}

void event_parser::keep(std::string_view part) {
  if (part.size() > limits_.line_bytes - line_.size()) refuse_length("a line", limits_.line_bytes);
  line_ += part;
}

}  // namespace rondo::http::detail
