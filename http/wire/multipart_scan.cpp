#include <rondo/http/errors.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/media_type.hpp>
#include <rondo/http/wire/multipart_scan.hpp>

#include <algorithm>
#include <utility>

namespace rondo::http::detail {
namespace {

constexpr std::size_t longest_boundary = 70;
constexpr std::size_t most_padding = 64;  // between a boundary and the end of its line

[[noreturn]] void refuse_part(const std::string& why) {
  throw body_error(body_error::reason::malformed, "the multipart body " + why);
}

[[noreturn]] void refuse_size(const std::string& why) {
  throw body_error(body_error::reason::too_large, "the multipart body " + why);
}

// bchars, RFC 2046, section 5.1.1.
bool is_boundary(std::string_view text) noexcept {
  return !text.empty() && text.size() <= longest_boundary && text.back() != ' ' &&
         std::ranges::all_of(text, [](char c) {
           return is_alpha(c) || is_digit(c) ||
                  std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
         });
}

// What a client says is a name of its own file system: no path of ours.
std::string last_segment_of(const std::string& name) {
  std::string last = name.substr(name.find_last_of("/\\") + 1);
  return last == "." || last == ".." ? std::string() : last;
}

}  // namespace

std::string multipart_boundary(std::string_view content_type) {
  parameter_reader p(content_type);
  if (!iequals(p.value(), "multipart/form-data"))
    throw body_error(body_error::reason::unsupported, "the body is no multipart/form-data");
  while (p.next())
    if (iequals(p.name(), "boundary")) return p.text();
  throw body_error(body_error::reason::malformed,
                   "the Content-Type of a multipart body names no boundary");
}

multipart_scan::multipart_scan(std::string_view boundary, const multipart_limits& limits)
    : limits_(limits), delimiter_("\r\n--") {
  if (!is_boundary(boundary))
    throw body_error(body_error::reason::malformed,
                     "the Content-Type of a multipart body names a boundary that cannot be");
  delimiter_ += boundary;
}

void multipart_scan::give(std::span<const std::byte> piece) {
  total_ += piece.size();
  if (total_ > limits_.total_bytes)
    refuse_size("is larger than " + std::to_string(limits_.total_bytes) + " bytes");
  if (at_ == at::done) return;  // what follows the last boundary is nothing
  held_.erase(0, std::exchange(first_, 0));
  held_.append(reinterpret_cast<const char*>(piece.data()), piece.size());
}

multipart_event multipart_scan::next() {
  for (;;) {
    const std::string_view text = unread();
    switch (at_) {
      case at::before:
      case at::content: {
        // A part may end with the empty line of its head (RFC 2046: the content and the line end
        // before it are optional).
        const std::string_view at_once = std::string_view(delimiter_).substr(2);
        if (at_ == at::content && part_size_ == 0 && text.size() < at_once.size() &&
            at_once.starts_with(text))
          return multipart_event::need_more;
        if (at_ == at::content && part_size_ == 0 && text.starts_with(at_once)) {
          first_ += at_once.size();
          at_ = at::behind_boundary;
          return multipart_event::part_end;
        }
        const std::size_t found = text.find(delimiter_);
        // Without one, the last bytes may be its beginning.
        const std::size_t ready = found != std::string_view::npos
                                      ? found
                                      : text.size() - std::min(text.size(), delimiter_.size() - 1);
        if (at_ == at::content && ready > 0) {
          part_size_ += ready;
          if (part_size_ > limits_.part_bytes)
            refuse_size("has a part larger than " + std::to_string(limits_.part_bytes) + " bytes");
          data_ = text.substr(0, ready);
          first_ += ready;
          return multipart_event::data;
        }
        if (found == std::string_view::npos) {
          first_ += ready;
          return multipart_event::need_more;
        }
        first_ += found + delimiter_.size();
        if (std::exchange(at_, at::behind_boundary) == at::content)
          return multipart_event::part_end;
        break;
      }
      case at::behind_boundary: {
        if (text.starts_with("--")) {
          at_ = at::done;
          break;
        }
        // Transport padding, which some senders add.
        const std::size_t end = std::min(text.find_first_not_of(" \t"), text.size());
        if (end > most_padding) refuse_part("has a boundary with a long line behind it");
        if (text.size() - end < 2) {
          if (text.size() > end && text[end] != '\r' && text[end] != '-')
            refuse_part("has a boundary that goes on");
          return multipart_event::need_more;
        }
        if (text.substr(end, 2) != "\r\n") refuse_part("has a boundary that goes on");
        if (++parts_ > limits_.parts)
          refuse_size("has more than " + std::to_string(limits_.parts) + " parts");
        // The line end stays: an empty head is its own end.
        first_ += end;
        at_ = at::head;
        break;
      }
      case at::head: {
        static constexpr std::string_view end_of_head = "\r\n\r\n";
        const std::size_t found = text.find(end_of_head, searched_);
        if (std::min(found, text.size()) > limits_.head_bytes)
          refuse_size("has a part whose head is larger than " + std::to_string(limits_.head_bytes) +
                      " bytes");
        if (found == std::string_view::npos) {
          searched_ = text.size() - std::min(text.size(), end_of_head.size() - 1);
          return multipart_event::need_more;
        }
        read_head(found == 0 ? std::string_view() : text.substr(2, found - 2));
        first_ += found + end_of_head.size();
        searched_ = 0;
        part_size_ = 0;
        at_ = at::content;
        return multipart_event::part;
      }
      case at::done: return multipart_event::end;
    }
  }
}

// Lines of "Name: value": no line is folded.
void multipart_scan::read_head(std::string_view text) {
  part_ = {};
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find("\r\n"));
    text.remove_prefix(std::min(line.size() + 2, text.size()));
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    if (colon == std::string_view::npos || !is_token(name))
      refuse_part("has a part with a line in its head that is no field");
    const std::string_view value = trim_ows(line.substr(colon + 1));
    if (skip_text(value, 0) != value.size())
      refuse_part("has a part with a control byte in its head");
    if (part_.fields.size() == limits_.head_fields)
      refuse_size("has a part with more than " + std::to_string(limits_.head_fields) + " fields");
    headers_access::append(part_.fields, name, value);
  }
  // Two readers of a part that says its name twice might not agree.
  if (part_.fields.count("Content-Disposition") != 1)
    refuse_part("has a part without a Content-Disposition, or with several");
  read_disposition(*part_.fields.get("Content-Disposition"));
  if (const auto type = part_.fields.get("Content-Type")) part_.type = *type;
}

void multipart_scan::read_disposition(std::string_view field) {
  parameter_reader p(field);
  if (!iequals(p.value(), "form-data")) refuse_part("has a part that is no form-data");
  bool named = false;
  while (p.next()) {
    if (iequals(p.name(), "name")) {
      if (std::exchange(named, true)) refuse_part("has a part with two names");
      part_.name = p.text();
    } else if (iequals(p.name(), "filename")) {  // "filename*" must not be (RFC 7578, section 4.2)
      if (part_.filename) refuse_part("has a part with two file names");
      part_.filename = last_segment_of(p.text());
    }
  }
  if (p.malformed() || !named) refuse_part("has a part whose Content-Disposition names no field");
}

void multipart_scan::finish() const {
  if (at_ != at::done) refuse_part("ends before its last boundary");
}

}  // namespace rondo::http::detail
