#include <rondo/http/errors.hpp>
#include <rondo/http/event_source.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/event_parser.hpp>
#include <rondo/patterns/retry_after.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/sleep.hpp>

#include <algorithm>
#include <span>
#include <stdexcept>
#include <string_view>

namespace rondo::http {

event_source_options& event_source_options::max_failures(rondo::detail::amount n) {
  if (n == 0) throw std::invalid_argument("event_source: max_failures is at least 1");
  max_failures_ = n;
  return *this;
}

namespace detail {
namespace {

// Such an answer may be another the next time.
bool is_of_the_moment(int status) noexcept {
  return status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

// So is such an error: whatever loses a connection, or prevents one.
bool is_of_the_moment(const std::exception_ptr& e) {
  try {
    std::rethrow_exception(e);
  } catch (const connect_error& error) {
    return error.code() != std::errc::permission_denied;  // by the guard
  } catch (const timeout_error&) {
    return true;
  } catch (const body_error& error) {
    return error.why() == body_error::reason::truncated;
  } catch (const protocol_error&) {
    return true;  // of the head: a connection that ends within it is one, too
  } catch (...) {
    return false;
  }
}

bool is_event_stream(std::string_view content_type) noexcept {
  return iequals(trim_ows(content_type.substr(0, content_type.find(';'))), "text/event-stream");
}

}  // namespace

class event_reading {
 public:
  event_reading(client c, std::unique_ptr<any_request_maker> make, event_source_options o)
      : client_(std::move(c)),
        make_(std::move(make)),
        options_(std::move(o)),
        parser_(options_.limits_, options_.last_id_) {}

  task<std::optional<message_event>> next();

  const event_parser& parser() const noexcept { return parser_; }
  bool open() const noexcept { return response_.has_value(); }
  std::uint64_t opened() const noexcept { return opened_; }
  std::exception_ptr failure() const noexcept { return failure_; }

 private:
  // One call of next(). A wait on the connection that is cancelled leaves the connection behind.
  struct turn {
    event_reading& of;
    bool on_connection = false;
    explicit turn(event_reading& r) : of(r) {
      if (std::exchange(of.busy_, true))
        throw std::logic_error("event_source: another task awaits the next event");
    }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() {
      of.busy_ = false;
      if (on_connection) of.drop();
    }
  };

  // The next event of what has come. Throws past a limit.
  std::optional<message_event> parse();
  // Some more bytes, or the end of the stream.
  task<> read(turn& t);
  task<> open_stream();
  request make_request();
  // Its stream, when it has one; else as lost().
  void take(response r);
  void drop() noexcept {
    unread_ = {};
    response_.reset();
  }
  // A connection is lost, or none came; null: the server has ended it well. Says when to ask again,
  // or throws the failure. `asked`: for so long the server wants to be left alone.
  void lost(std::exception_ptr why, bool may_pass,
            std::optional<rondo::detail::nanoseconds> asked = {});
  void set_delay(std::optional<rondo::detail::nanoseconds> asked) noexcept;

  client client_;
  std::unique_ptr<any_request_maker> make_;
  event_source_options options_;
  event_parser parser_;
  std::optional<response> response_;  // a stream
  std::string_view unread_;           // of its last piece
  rondo::detail::time_point not_before_ = rondo::detail::time_point::min();
  std::exception_ptr failure_;
  std::size_t failures_ = 0;  // in a row
  std::uint64_t opened_ = 0;
  bool ended_ = false;
  bool busy_ = false;
};

task<std::optional<message_event>> event_reading::next() {
  turn mine(*this);
  for (;;) {
    if (ended_) co_return std::nullopt;
    if (response_) {
      if (auto e = parse()) co_return e;
      co_await read(mine);
    } else {
      if (this_loop().now() < not_before_) co_await sleep_until(not_before_);
      co_await open_stream();
    }
  }
}

std::optional<message_event> event_reading::parse() {
  try {
    std::optional<message_event> e = parser_.next(unread_);
    if (e) {
      failures_ = 0;
      options_.extra_.reset();
    }
    return e;
  } catch (protocol_error& error) {
    error.add_context(response_->url().href(), phase::body);
    drop();
    lost(std::current_exception(), false);
    return std::nullopt;
  }
}

task<> event_reading::read(turn& t) {
  std::exception_ptr why;
  try {
    t.on_connection = true;
    const std::span<const std::byte> piece = co_await response_->next_chunk();
    t.on_connection = false;
    unread_ = {reinterpret_cast<const char*>(piece.data()), piece.size()};
    if (!piece.empty()) co_return;
  } catch (const http::error&) {
    t.on_connection = false;
    why = std::current_exception();
  }
  drop();
  lost(why, !why || is_of_the_moment(why));
}

task<> event_reading::open_stream() {
  std::optional<response> answer;
  std::exception_ptr why;
  try {
    answer.emplace(co_await client_.send(make_request()));
  } catch (const http::error&) {
    why = std::current_exception();
  }
  if (answer)
    take(std::move(*answer));
  else
    lost(why, is_of_the_moment(why));
}

request event_reading::make_request() {
  request r = make_->make();
  const auto add = [&r](std::string_view name, std::string_view value) {
    if (!r.headers().get(name)) r.header(name, value);
  };
  add("Accept", "text/event-stream");
  add("Cache-Control", "no-store");
  if (const std::string& id = parser_.last_event_id(); !id.empty()) {
    try {
      add("Last-Event-ID", id);
    } catch (const std::invalid_argument&) {
      throw protocol_error("the last event's id holds what no header field can");
    }
  }
  r.timeout(phase::total, std::chrono::seconds(0)).raise_for_status(false);
  if (options_.silence_ > rondo::detail::nanoseconds::zero())
    r.timeout(phase::read, options_.silence_);
  return r;
}

void event_reading::take(response r) {
  const auto about = [&r](auto error) {
    error.add_context(r.url().href(), phase::first_byte);
    return std::make_exception_ptr(std::move(error));
  };
  if (r.status() == 204) {
    ended_ = true;
    return;
  }
  if (r.status() != 200) {
    const auto field = r.headers().get("Retry-After");
    lost(about(status_error(r.status(), r.reason())), is_of_the_moment(r.status()),
         field ? parse_retry_after(*field) : std::nullopt);
    return;
  }
  const std::string_view type = r.headers().get("Content-Type").value_or("");
  if (!is_event_stream(type)) {
    lost(about(protocol_error("the answer is no event stream: its Content-Type is " +
                              (type.empty() ? "missing" : '"' + std::string(type) + '"'))),
         false);
    return;
  }
  parser_.begin_again();
  unread_ = {};
  response_.emplace(std::move(r));
  ++opened_;
}

void event_reading::lost(std::exception_ptr why, bool may_pass,
                         std::optional<rondo::detail::nanoseconds> asked) {
  failure_ = std::move(why);
  set_delay(asked);
  if (!failure_) return;
  ++failures_;
  const bool too_many = options_.max_failures_ > 0 && failures_ >= options_.max_failures_;
  if (!may_pass || too_many || opened_ == 0) std::rethrow_exception(failure_);
}

void event_reading::set_delay(std::optional<rondo::detail::nanoseconds> asked) noexcept {
  rondo::detail::nanoseconds base = options_.retry_;
  if (const auto said = parser_.retry()) base = rondo::detail::saturate(*said);
  if (asked) base = std::max(base, *asked);
  base = std::clamp(base, rondo::detail::nanoseconds::zero(), options_.longest_delay_);
  const rondo::detail::time_point now = this_loop().now();
  not_before_ = std::min(rondo::detail::add(rondo::detail::add(now, base), options_.extra_.next()),
                         rondo::detail::add(now, options_.longest_delay_));
}

}  // namespace detail

event_source::event_source(client c, std::unique_ptr<detail::any_request_maker> make,
                           event_source_options o)
    : reading_(
          std::make_unique<detail::event_reading>(std::move(c), std::move(make), std::move(o))) {}
event_source::event_source(event_source&& other) noexcept = default;
event_source& event_source::operator=(event_source&& other) noexcept = default;
event_source::~event_source() = default;

task<std::optional<message_event>> event_source::next() { return reading_->next(); }
const std::string& event_source::last_event_id() const noexcept {
  return reading_->parser().last_event_id();
}
bool event_source::open() const noexcept { return reading_->open(); }
std::uint64_t event_source::opened() const noexcept { return reading_->opened(); }
std::exception_ptr event_source::failure() const noexcept { return reading_->failure(); }

event_source client::events(std::string url) {
  return events(std::move(url), event_source_options());
}
event_source client::events(std::string url, event_source_options o) {
  return {*this, [c = *this, url = std::move(url)] { return c.make("GET", url); }, std::move(o)};
}

}  // namespace rondo::http
