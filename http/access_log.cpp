#include <rondo/http/access_log.hpp>
#include <rondo/http/request_id.hpp>
#include <rondo/http/wire/http_date.hpp>
#include <rondo/runtime/loop.hpp>

#include <array>
#include <cstdio>
#include <ctime>
#include <optional>

namespace rondo::http {
namespace {

void append_escaped(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  if (text.empty()) out += '-';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      out += c;
    } else {
      out += "\\x";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
}

std::string log_date(std::chrono::sys_seconds at) {
  const std::time_t seconds = at.time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  static constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%02d/%s/%04d:%02d:%02d:%02d +0000", parts.tm_mday,
                months[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour,
                parts.tm_min, parts.tm_sec);
  return text.data();
}

// The event of one request, told when this goes.
class pending_event {
 public:
  int status = 499;  // until there is an answer
  std::uint64_t bytes = 0;
  bool complete = false;

  pending_event(detail::access_sink& sink, const server_request& r)
      : sink_(&sink),
        request_(&r),
        begun_(this_loop().now()),
        at_(detail::wall_clock_now()),
        client_(r.client()) {}
  pending_event(pending_event&& other) noexcept
      : status(other.status),
        bytes(other.bytes),
        complete(other.complete),
        sink_(std::exchange(other.sink_, nullptr)),
        request_(other.request_),
        begun_(other.begun_),
        at_(other.at_),
        client_(std::move(other.client_)) {}
  pending_event& operator=(pending_event&&) = delete;
  ~pending_event() {
    if (sink_ == nullptr) return;
    try {
      tell();
    } catch (...) {
      rondo::detail::report_unhandled(std::current_exception());
    }
  }

 private:
  void tell() const {
    const server_request& r = *request_;
    const request_id_value* const id = r.find<request_id_value>();
    sink_->take({.at = at_,
                 .duration = this_loop().now() - begun_,
                 .client = client_,
                 .method = r.method(),
                 .target = r.target(),
                 .route = r.route(),
                 .version = r.version(),
                 .status = status,
                 .body_bytes = bytes,
                 .complete = complete,
                 .referer = r.headers().get("Referer").value_or(""),
                 .user_agent = r.headers().get("User-Agent").value_or(""),
                 .request_id = id != nullptr ? std::string_view(id->text) : ""});
  }

  detail::access_sink* sink_;  // null: moved from
  const server_request* request_;
  rondo::detail::time_point begun_;
  std::chrono::sys_seconds at_;
  net::endpoint client_;
};

// Counts what is taken of a body.
class counted_source final : public body_source {
 public:
  counted_source(std::unique_ptr<body_source> inner, pending_event event) noexcept
      : event_(std::move(event)), inner_(std::move(inner)) {}

  task<std::optional<std::string>> next() override {
    std::optional<std::string> piece = co_await inner_->next();
    if (piece)
      event_.bytes += piece->size();
    else
      event_.complete = true;
    co_return piece;
  }
  http::headers trailers() override { return inner_->trailers(); }

 private:
  pending_event event_;
  std::unique_ptr<body_source> inner_;
};

}  // namespace

std::string access_line(const access_event& e) {
  std::string out;
  out += e.client.is_unix() ? "unix" : e.client.ip().to_string();
  out.append(" - - [").append(log_date(e.at)).append("] \"");
  append_escaped(out, e.method);
  out += ' ';
  append_escaped(out, e.target);
  out.append(" ").append(to_string(e.version)).append("\" ");
  out.append(std::to_string(e.status)).append(" ").append(std::to_string(e.body_bytes));
  out += " \"";
  append_escaped(out, e.referer);
  out += "\" \"";
  append_escaped(out, e.user_agent);
  std::array<char, 48> seconds{};
  std::snprintf(seconds.data(), seconds.size(), "\" %.6f ",
                std::chrono::duration<double>(e.duration).count());
  out += seconds.data();
  append_escaped(out, e.route);
  if (!e.request_id.empty()) {
    out += ' ';
    append_escaped(out, e.request_id);
  }
  return out;
}

access_log::access_log()
    : access_log([](const access_event& e) { std::puts(access_line(e).c_str()); }) {}

task<server_response> access_log::operator()(server_request& r, next& rest) const {
  pending_event event(*sink_, r);
  try {
    server_response answer = co_await rest(r);
    event.status = answer.status();
    const bool head_only = r.method() == "HEAD";
    if (answer.is_streamed() && !head_only) {
      answer.wrap_body([&event](std::unique_ptr<body_source> inner) {
        return std::make_unique<counted_source>(std::move(inner), std::move(event));
      });
    } else {
      event.bytes = head_only ? 0 : answer.body().size();
      event.complete = true;
    }
    co_return answer;
  } catch (...) {
    event.status = r.status_for(std::current_exception());
    throw;
  }
}

}  // namespace rondo::http
