// Cookies as user agents keep them (RFC 6265bis, draft 20).
//
//   auto jar = std::make_shared<http::cookie_jar>();
//   jar->load(text_of_a_cookies_txt);
//   http::client c(http::client_options().cookies(jar));
//   …                                       // responses set, requests carry
//   std::string text = jar->save();
//
// A client has a jar of its own unless it is given one or told to have none. Used on one thread at
// a time.
#pragma once

#include <rondo/http/headers.hpp>
#include <rondo/http/url.hpp>
#include <rondo/runtime/core/clock.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rondo::http {

// A cookie's SameSite; unset: the server has not said.
enum class same_site : std::uint8_t { unset, none, lax, strict };

// A cookie as a jar keeps it.
struct cookie {
  std::string name;
  std::string value;
  std::string domain;  // a host in its normal form, without a leading dot
  std::string path = "/";
  std::optional<std::chrono::sys_seconds>
      expires;            // nullopt: with the session, which is the jar's life
  bool host_only = true;  // sent to `domain` alone, not to what is below it
  bool secure = false;
  bool http_only = false;
  http::same_site same_site =
      http::same_site::unset;  // kept; a client without pages has no use for it
};

// What a jar holds at most.
struct cookie_limits {
  // In the jar. Beyond, one that is not secure goes first, then the one that was sent longest ago.
  std::size_t per_domain = 50;
  std::size_t total = 3000;
  // In one request: a server that refuses a field that is too long would refuse until the jar is
  // emptied.
  std::size_t sent = 150;
  std::size_t sent_bytes = 8190;  // of the whole field, "Cookie: " included: what Apache takes
};

class cookie_jar {
 public:
  // An empty one.
  explicit cookie_jar(cookie_limits limits = {});

  // Takes what one Set-Cookie value sets in a response from `from`; false: it was refused. Refused
  // are controls, more than 4096 bytes of name and value, a domain that is not the host's or is a
  // public suffix, Secure over http, a cookie that would shadow a secure one, SameSite=None without
  // Secure, and prefixes (__Host-, __Secure-) that are not kept. A cookie that has expired deletes
  // the one it names.
  bool store(const http::url& from, std::string_view set_cookie);
  // The same for every Set-Cookie field of a response.
  void store_all(const http::url& from, const headers& response);
  // Adds or replaces one. Throws std::invalid_argument when the name, value, domain or path hold
  // what cannot be sent.
  void set(cookie c);

  // The value of the Cookie field for a request to `to`, longest path first, then oldest first;
  // empty when no cookie goes there. Of more than the limits let through, the newest that fit are
  // sent. `taken`: bytes that the request has for cookies of its own.
  [[nodiscard]] std::string header_for(const http::url& to, std::size_t taken = 0);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // In no particular order.
  [[nodiscard]] std::vector<cookie> all() const;
  void clear() noexcept;
  // Drops what ends with the session.
  void clear_session();

  // As cookies.txt, the format of curl and wget; it has no place for SameSite, nor for a cookie
  // with a tab in it.
  [[nodiscard]] std::string save() const;
  // Adds what such a text holds. Throws std::invalid_argument that names the line; then nothing was
  // added.
  void load(std::string_view text);

 private:
  struct entry {
    cookie c;
    std::uint64_t created;  // counts up: the order of creation
    std::uint64_t used;     // likewise
  };
  using entries = std::vector<entry>;

  [[nodiscard]] bool shadows_a_secure_one(const cookie& c, std::string_view host) const;
  void put(cookie c);
  void make_room(const std::string& domain);
  void drop_expired();
  [[nodiscard]] static const entry* least_wanted(const entries& of) noexcept;
  void keep_what_fits(std::vector<entry*>& wanted, std::size_t taken) const;
  void remove(const std::string& domain, const entry* which);

  cookie_limits limits_;
  std::unordered_map<std::string, entries> domains_;
  std::size_t size_ = 0;
  std::uint64_t clock_ = 0;
};

namespace detail {

// One Set-Cookie value, before any rule about who may set it.
struct parsed_cookie {
  cookie c;                    // domain: the attribute's, without its dot; empty when there is none
  bool path_is_given = false;  // Path was there and begins with "/"
};
// nullopt: it is to be ignored as a whole.
[[nodiscard]] std::optional<parsed_cookie> parse_set_cookie(std::string_view text,
                                                            std::chrono::sys_seconds now);
// The other way: what a server sends. Throws as server_response::set_cookie.
[[nodiscard]] std::string set_cookie_value(const cookie& c);
// RFC 6265bis, section 5.1.1: lenient, as dates in cookies are.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_cookie_date(std::string_view text);
// Sections 5.1.3 and 5.1.4.
[[nodiscard]] bool domain_matches(std::string_view host, std::string_view domain) noexcept;
[[nodiscard]] bool path_matches(std::string_view request_path, std::string_view path) noexcept;
[[nodiscard]] std::string default_path(std::string_view request_path);

// Whether nobody but a registry stands behind this name ("com", "co.uk"). By libpsl's list when
// Rondo is built with it; else every name without an inner dot is one.
[[nodiscard]] bool is_public_suffix(const std::string& domain);

}  // namespace detail
}  // namespace rondo::http
