// Bodies as HTML forms send them: urlencoded text, and multipart/form-data (RFC 7578).
//
//   http::multipart m;
//   m.field("title", "Summer").file("photo", "lake.jpg", bytes, "image/jpeg");
//   m.path("log", "/tmp/x.log");
//   co_await c.send(http::request("POST", url).multipart(std::move(m)));
#pragma once

#include <rondo/http/body.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rondo::http {

using form_fields = std::vector<std::pair<std::string, std::string>>;

// "a=1&b=x+y": names and values percent-encoded, a space as "+" (WHATWG URL, section 5.2).
[[nodiscard]] std::string form_text(const form_fields& fields);

// The other way: empty pairs are left out, a pair without "=" has an empty value, a "%" without two
// hexadecimal digits stands for itself (section 5.1).
[[nodiscard]] form_fields parse_form(std::string_view text);

// The parts of one body, in order. Names and file names with CR, LF or NUL, and types that are no
// field value, throw std::invalid_argument; a quote is sent as %22, as browsers do.
class multipart {
 public:
  // Without parts, under a boundary drawn at random.
  multipart();

  // Adds a part that is text. Throws std::invalid_argument for a name that cannot be written.
  multipart& field(std::string_view name, std::string_view value) &;
  multipart&& field(std::string_view name, std::string_view value) && {
    return std::move(field(name, value));
  }
  // A file from memory.
  multipart& file(std::string_view name, std::string_view filename, std::string content,
                  std::string_view type = "application/octet-stream") &;
  multipart&& file(std::string_view name, std::string_view filename, std::string content,
                   std::string_view type = "application/octet-stream") && {
    return std::move(file(name, filename, std::move(content), type));
  }
  // A file from disk, streamed; under its own name. Its size is taken now. Throws std::system_error
  // that names the path.
  multipart& path(std::string_view name, std::string file_path,
                  std::string_view type = "application/octet-stream") &;
  multipart&& path(std::string_view name, std::string file_path,
                   std::string_view type = "application/octet-stream") && {
    return std::move(path(name, std::move(file_path), type));
  }

  // "multipart/form-data; boundary=…". The boundary is drawn at random, 128 bits of it.
  [[nodiscard]] std::string content_type() const;
  // Of the whole body.
  [[nodiscard]] std::uint64_t size() const noexcept;
  // The body; may be sent again.
  [[nodiscard]] std::unique_ptr<body_factory> body() &&;

 private:
  struct part {
    std::string text;  // of the part's head, with the content when that is at hand
    std::string file;  // what follows it from disk; empty: nothing
    std::uint64_t file_size = 0;
  };
  part& begin(std::string_view name, std::string_view filename, std::string_view type);

  std::string boundary_;
  std::vector<part> parts_;
};

}  // namespace rondo::http
