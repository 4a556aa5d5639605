// A parsed http, https, ws or wss URL, by the rules of the WHATWG URL standard
// (https://url.spec.whatwg.org), which is what browsers do and what links in the wild mean.
//
//     auto u = http::url::parse("https://Example.org/a/../b?x=1#top");
//     u.host();    // "example.org"
//     u.target();  // "/b?x=1"
//     auto v = http::url::parse("../c", u).with_query("q", "a b");
//     v.href();    // "https://example.org/c?q=a%20b"
//
// A url is one string, its normal form, and offsets into it: the accessors that return a
// string_view point into the url and live as long as it is neither changed nor destroyed.
#pragma once

#include <rondo/http/percent.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rondo::http {

class url {
 public:
  // Both throw url_error, which names what is wrong and at which byte. Bytes above 0x7e are percent
  // encoded as they are; text is meant to be UTF-8. Host names beyond ASCII are brought into their
  // xn-- form when Rondo is built with libidn2, and must be given in it when not. At most 1 MiB.
  [[nodiscard]] static url parse(std::string_view text);
  // `text` may be relative: it is resolved as a link found in the document `base`.
  [[nodiscard]] static url parse(std::string_view text, const url& base);

  // "http", "https", "ws" or "wss".
  [[nodiscard]] std::string_view scheme() const { return slice(0, scheme_end_); }
  // https and wss.
  [[nodiscard]] bool is_secure() const { return scheme().back() == 's' && scheme() != "ws"; }

  // As they stand in the URL, percent-encoded. Empty when there is none.
  [[nodiscard]] std::string_view username() const { return slice(scheme_end_ + 3, username_end_); }
  [[nodiscard]] std::string_view password() const;
  [[nodiscard]] bool has_credentials() const { return host_begin_ > scheme_end_ + 3; }

  // The host in its normal form: a name in lower case, dotted IPv4, or IPv6 in brackets.
  [[nodiscard]] std::string_view host() const { return slice(host_begin_, host_end_); }
  // The same without brackets: what a resolver or an address parser takes.
  [[nodiscard]] std::string_view hostname() const;
  // The port to connect to: the one given, else the scheme's own (80, 443).
  [[nodiscard]] std::uint16_t port() const;
  // The port as given; the scheme's own port counts as not given.
  [[nodiscard]] std::optional<std::uint16_t> explicit_port() const;

  // Begins with "/".
  [[nodiscard]] std::string_view path() const { return slice(path_begin_, path_end_); }
  // Without "?" and "#". "http://a/?" has an empty query, "http://a/" has none.
  [[nodiscard]] std::optional<std::string_view> query() const;
  [[nodiscard]] std::optional<std::string_view> fragment() const;

  // What goes into a request line: path and query (origin-form, RFC 9112, section 3.2.1).
  [[nodiscard]] std::string_view target() const { return slice(path_begin_, query_end_); }
  // What goes into the Host field: the host, and the port unless it is the scheme's own.
  [[nodiscard]] std::string_view host_header() const { return slice(host_begin_, path_begin_); }
  // "https://example.org:8443": two URLs with the same origin may share a connection and secrets.
  [[nodiscard]] std::string origin() const;
  [[nodiscard]] const std::string& href() const noexcept { return text_; }
  // href() with any userinfo replaced by "***": for logs.
  [[nodiscard]] std::string redacted() const;

  // Copies with a part changed. Names and values are encoded (encode_set::component), so any bytes
  // may be given; query() adds to the query that is there. Throws url_error for one that becomes
  // too long.
  [[nodiscard]] url with_query(std::string_view name, std::string_view value) const;
  [[nodiscard]] url with_fragment(std::string_view fragment) const;
  [[nodiscard]] url without_fragment() const;
  [[nodiscard]] url without_credentials() const;

  // Equal when the normal forms are, fragment included.
  friend bool operator==(const url& a, const url& b) noexcept { return a.text_ == b.text_; }

 private:
  friend class url_parser;
  url() = default;
  [[nodiscard]] std::string_view slice(std::size_t begin, std::size_t end) const {
    return std::string_view(text_).substr(begin, end - begin);
  }

  //  https://user:pass@example.org:8443/path?query#fragment
  //       |      |     |          |    |    |     |
  //       |      |     host_begin |    |    |     query_end_
  //       |      username_end_    |    |    path_end_
  //       scheme_end_      host_end_   path_begin_
  std::string text_;
  std::uint32_t scheme_end_ = 0;
  std::uint32_t username_end_ = 0;
  std::uint32_t host_begin_ = 0;
  std::uint32_t host_end_ = 0;
  std::uint32_t path_begin_ = 0;
  std::uint32_t path_end_ = 0;
  std::uint32_t query_end_ = 0;
};

}  // namespace rondo::http
