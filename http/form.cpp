#include <rondo/http/form.hpp>
#include <rondo/http/parts/random_bytes.hpp>
#include <rondo/http/percent.hpp>
#include <rondo/http/wire/ascii.hpp>

#include <algorithm>
#include <stdexcept>

namespace rondo::http {
namespace {

void append_form(std::string& out, std::string_view text) {
  const std::string encoded = percent_encode(text);
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    if (encoded.compare(i, 3, "%20") == 0) {
      out += '+';
      i += 2;
    } else {
      out += encoded[i];
    }
  }
}

// As a quoted parameter of Content-Disposition (WHATWG HTML, "multipart/form-data encoding
// algorithm").
std::string quoted(std::string_view text, const char* what) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\r' || c == '\n' || c == '\0')
      throw std::invalid_argument(std::string(what) + " of a multipart body holds CR, LF or NUL");
    if (c == '"')
      out += "%22";
    else
      out += c;
  }
  return out + '"';
}

std::string_view last_segment(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);
}

}  // namespace

namespace detail {

// One part after another, a file's bytes streamed behind its head.
template <class Parts>
class parts_source final : public body_source {
 public:
  parts_source(std::shared_ptr<const Parts> parts, std::string end) noexcept
      : parts_(std::move(parts)), end_(std::move(end)) {}

  task<std::optional<std::string>> next() override {
    if (file_) {
      std::optional<std::string> piece = co_await file_->next();
      if (!piece) {
        file_.reset();
        piece = "\r\n";
      }
      co_return piece;
    }
    if (next_ < parts_->size()) {
      const auto& p = (*parts_)[next_++];
      if (!p.file.empty()) file_ = file_body(p.file)->open();
      co_return p.text;
    }
    if (std::exchange(ended_, true)) co_return std::nullopt;
    co_return end_;
  }

 private:
  std::shared_ptr<const Parts> parts_;
  std::string end_;
  std::size_t next_ = 0;
  std::unique_ptr<body_source> file_;  // of the part before
  bool ended_ = false;
};

}  // namespace detail

std::string form_text(const form_fields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    if (!out.empty()) out += '&';
    append_form(out, name);
    out += '=';
    append_form(out, value);
  }
  return out;
}

form_fields parse_form(std::string_view text) {
  const auto decoded = [](std::string_view part) {
    std::string plain(part);
    std::ranges::replace(plain, '+', ' ');
    return percent_decode(plain);
  };
  form_fields out;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    out.emplace_back(decoded(pair.substr(0, equals)),
                     decoded(pair.substr(std::min(equals + 1, pair.size()))));
  }
  return out;
}

multipart::multipart() : boundary_("rondo-" + detail::random_hex(16)) {}

multipart::part& multipart::begin(std::string_view name, std::string_view filename,
                                  std::string_view type) {
  std::string head = "--" + boundary_ + "\r\nContent-Disposition: form-data; name=";
  head += quoted(name, "a name");
  if (!type.empty()) {
    if (detail::skip(detail::text_bytes, type) != type.size())
      throw std::invalid_argument("the type of a multipart part holds a control byte");
    head += "; filename=" + quoted(filename, "a file name");
    head += "\r\nContent-Type: ";
    head += type;
  }
  head += "\r\n\r\n";
  parts_.push_back({.text = std::move(head), .file = {}});
  return parts_.back();
}

multipart& multipart::field(std::string_view name, std::string_view value) & {
  part& p = begin(name, {}, {});
  p.text += value;
  p.text += "\r\n";
  return *this;
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): a file from memory may be given away
multipart& multipart::file(std::string_view name, std::string_view filename, std::string content,
                           std::string_view type) & {
  if (type.empty()) throw std::invalid_argument("a file of a multipart body has no type");
  part& p = begin(name, filename, type);
  p.text += content;
  p.text += "\r\n";
  return *this;
}

multipart& multipart::path(std::string_view name, std::string file_path, std::string_view type) & {
  if (type.empty()) throw std::invalid_argument("a file of a multipart body has no type");
  const std::uint64_t size = http::file_size(file_path);
  part& p = begin(name, last_segment(file_path), type);
  p.file = std::move(file_path);
  p.file_size = size;
  return *this;
}

std::string multipart::content_type() const { return "multipart/form-data; boundary=" + boundary_; }

std::uint64_t multipart::size() const noexcept {
  std::uint64_t n = boundary_.size() + 6;  // "--" boundary "--" CRLF
  for (const part& p : parts_) n += p.text.size() + p.file_size + (p.file.empty() ? 0 : 2);
  return n;
}

std::unique_ptr<body_factory> multipart::body() && {
  auto parts = std::make_shared<const std::vector<part>>(std::move(parts_));
  return repeatable_body(
      [parts, end = "--" + boundary_ + "--\r\n"]() -> std::unique_ptr<body_source> {
        return std::make_unique<detail::parts_source<std::vector<part>>>(parts, end);
      });
}

}  // namespace rondo::http
