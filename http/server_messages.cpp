#include <rondo/http/cookies.hpp>
#include <rondo/http/percent.hpp>
#include <rondo/http/server/negotiation.hpp>
#include <rondo/http/server_messages.hpp>
#include <rondo/http/wire/ascii.hpp>

#include <algorithm>
#include <stdexcept>

namespace rondo::http {
namespace {

// fn(name, value) for each pair of the Cookie fields, until it returns false.
template <class Fn>
void for_each_cookie(const headers& fields, Fn fn) {
  for (const auto& [field_name, value] : fields) {
    if (!detail::iequals(field_name, "Cookie")) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::string_view pair = rest.substr(0, rest.find(';'));
      rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
      const std::size_t equals = pair.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string_view name = detail::trim_ows(pair.substr(0, equals));
      std::string_view text = detail::trim_ows(pair.substr(equals + 1));
      if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
        text = text.substr(1, text.size() - 2);
      if (!name.empty() && !fn(name, text)) return;
    }
  }
}

// A body that was at hand, for who wants a source.
class whole_source final : public body_source {
 public:
  explicit whole_source(std::string body) noexcept : body_(std::move(body)) {}
  task<std::optional<std::string>> next() override {
    if (body_.empty()) co_return std::nullopt;
    co_return std::exchange(body_, {});
  }

 private:
  std::string body_;
};

}  // namespace

std::string_view server_request::param(std::string_view name) const noexcept {
  for (const auto& [n, value] : match_.params)
    if (n == name) return value;
  return {};
}

std::optional<std::string> server_request::query(std::string_view name) const {
  for (auto& [n, value] : query_fields())
    if (n == name) return std::move(value);
  return std::nullopt;
}

std::optional<std::string_view> server_request::cookie(std::string_view name) const noexcept {
  std::optional<std::string_view> found;
  for_each_cookie(headers(), [&](std::string_view n, std::string_view value) {
    if (n == name) found = value;
    return !found;
  });
  return found;
}

std::vector<std::pair<std::string_view, std::string_view>> server_request::cookies() const {
  std::vector<std::pair<std::string_view, std::string_view>> out;
  for_each_cookie(headers(), [&](std::string_view n, std::string_view value) {
    out.emplace_back(n, value);
    return true;
  });
  return out;
}

std::string_view server_request::accepts(std::initializer_list<std::string_view> types) const {
  return detail::preferred_type(headers(), {types.begin(), types.size()});
}

void server_request::put_value(const void* type, std::shared_ptr<void> value) {
  for (auto& [t, kept] : values_) {
    if (t != type) continue;
    kept = std::move(value);
    return;
  }
  values_.emplace_back(type, std::move(value));
}

void* server_request::find_value(const void* type) const noexcept {
  for (const auto& [t, kept] : values_)
    if (t == type) return kept.get();
  return nullptr;
}

server_response server_response::text(std::string body, int status) {
  server_response r(status);
  r.body_ = std::move(body);
  r.headers_.set("Content-Type", "text/plain; charset=utf-8");
  return r;
}
server_response server_response::html(std::string body, int status) {
  server_response r(status);
  r.body_ = std::move(body);
  r.headers_.set("Content-Type", "text/html; charset=utf-8");
  return r;
}
server_response server_response::redirect(std::string_view location, int status) {
  if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308)
    throw std::invalid_argument("a redirect has no status " + std::to_string(status));
  server_response r(status);
  r.headers_.set("Location", percent_encode(location, encode_set::fragment));
  return r;
}
server_response server_response::json(std::string body, int status) {
  server_response r(status);
  r.body_ = std::move(body);
  r.headers_.set("Content-Type", "application/json");
  return r;
}
server_response server_response::bytes(std::string body, int status) {
  server_response r(status);
  r.body_ = std::move(body);
  r.headers_.set("Content-Type", "application/octet-stream");
  return r;
}
server_response server_response::stream(std::unique_ptr<body_source> source,
                                        std::optional<std::uint64_t> size, int status) {
  if (!source) throw std::invalid_argument("server_response::stream was given no source");
  server_response r(status);
  r.source_ = std::move(source);
  r.size_ = size;
  r.headers_.set("Content-Type", "application/octet-stream");
  return r;
}

std::unique_ptr<body_source> server_response::take_body() {
  headers_.remove("Content-Length");
  size_.reset();
  if (source_) return std::move(source_);
  return std::make_unique<whole_source>(std::exchange(body_, {}));
}

void server_response::replace_body(std::string body) {
  take_body();
  events_.reset();
  body_ = std::move(body);
}

void server_response::replace_body(std::unique_ptr<body_source> source,
                                   std::optional<std::uint64_t> size) {
  if (!source) throw std::invalid_argument("server_response::replace_body was given no source");
  take_body();
  source_ = std::move(source);
  size_ = size;
}

server_response server_response::events_from(std::unique_ptr<detail::any_event_handler> handler,
                                             std::chrono::nanoseconds quiet) {
  server_response r;
  r.events_ = std::make_shared<detail::event_stream>(std::move(handler), quiet);
  r.source_ = detail::event_stream::source_of(r.events_);
  r.headers_.set("Content-Type", "text/event-stream");
  r.headers_.set("Cache-Control", "no-store");
  r.headers_.set("X-Accel-Buffering", "no");
  return r;
}

server_response& server_response::set_cookie(const cookie& c) & {
  headers_.add("Set-Cookie", detail::set_cookie_value(c));
  return *this;
}

}  // namespace rondo::http
