#include <rondo/http/client/http2_link.hpp>
#include <rondo/http/errors.hpp>
#include <rondo/http/http2/session.hpp>
#include <rondo/http/http2/tunnel.hpp>
#include <rondo/runtime/as_result.hpp>
#include <rondo/runtime/event.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/scope.hpp>
#include <rondo/runtime/sleep.hpp>
#include <rondo/runtime/task_group.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <system_error>
#include <utility>

namespace rondo::http::detail {
namespace {

// How much a server may send ahead of what is read: on a stream, and on all together. With a round
// trip of 50 ms a stream moves 330 Mbit/s.
constexpr std::uint32_t client_stream_window = 2 << 20;
constexpr std::uint32_t client_connection_window = 16 << 20;
constexpr std::size_t client_buffered = std::size_t{32} << 20;

// What a reader is given at once: what it has not taken counts as unread.
constexpr std::size_t most_of_a_piece = 64 * 1024;

constexpr std::chrono::seconds silence_before_ping(30);
constexpr std::chrono::seconds patience_with_ping(15);

http2_settings client_settings(const parser_limits& limits) noexcept {
  http2_settings s;
  s.stream_window = client_stream_window;
  s.connection_window = client_connection_window;
  s.buffered = client_buffered;
  s.head_bytes = static_cast<std::uint32_t>(
      std::min<std::size_t>(limits.head_bytes, std::numeric_limits<std::uint32_t>::max()));
  s.fields = static_cast<std::uint32_t>(
      std::min<std::size_t>(limits.fields, std::numeric_limits<std::uint32_t>::max()));
  return s;
}

// "DATA stream 1 END_STREAM 512 bytes" (RFC 9113, section 6).
std::string describe_frame(const http2_session::frame_note& f) {
  static constexpr std::array<const char*, 10> types{
      "DATA",         "HEADERS", "PRIORITY", "RST_STREAM",    "SETTINGS",
      "PUSH_PROMISE", "PING",    "GOAWAY",   "WINDOW_UPDATE", "CONTINUATION"};
  std::string text = f.type < types.size() ? types[f.type] : "type " + std::to_string(f.type);
  if (f.stream != 0) text += " stream " + std::to_string(f.stream);
  const bool of_a_body = f.type <= 1;
  const bool acknowledges = f.type == 4 || f.type == 6;
  if ((f.flags & 1U) != 0 && of_a_body) text += " END_STREAM";
  if ((f.flags & 1U) != 0 && acknowledges) text += " ACK";
  return text + ' ' + std::to_string(f.length) + " bytes";
}

constexpr const char* http2_lost = "the connection was lost before the answer";

class http2_link_stream;

class http2_link final : public multiplexed,
                         public std::enable_shared_from_this<http2_link>,
                         private http2_session::observer {
 public:
  http2_link(transport stream, const parser_limits& limits, frame_trace frames)
      : stream_(std::move(stream)),
        session_(http2_role::client, client_settings(limits)),
        frames_(std::move(frames)) {
    if (frames_.to) session_.observe(this);
  }
  ~http2_link() override = default;

  // Ends the link with itself. An argument of the service: a loop that ends may cancel that before
  // its first step.
  class at_end {
   public:
    explicit at_end(std::shared_ptr<http2_link> l) noexcept : link_(std::move(l)) {}
    at_end(at_end&&) noexcept = default;
    at_end& operator=(at_end&&) = delete;
    ~at_end() {
      if (link_) link_->end();
    }
    http2_link* operator->() const noexcept { return link_.get(); }

   private:
    std::shared_ptr<http2_link> link_;
  };
  static task<> serve(at_end self) { co_await self->run(); }

  int places() const noexcept override {
    if (retired_ || ended_ || session_.goaway_came() || session_.failed()) return 0;
    const auto most = std::min<std::uint32_t>(peer_limit(), std::numeric_limits<int>::max() / 2);
    return static_cast<int>(most) - static_cast<int>(streams());
  }
  std::size_t streams() const noexcept override { return session_.places() + reserved_; }
  std::uint32_t peer_limit() const noexcept override {
    return session_.settings_came() ? session_.peer_streams() : assumed_limit;
  }
  bool takes_extended_connect() const noexcept override {
    return session_.settings_came() && session_.peer_takes_extended_connect();
  }
  std::unique_ptr<client_stream> take_place() override;
  void retire() noexcept override;
  void close() noexcept override;

 private:
  friend class http2_link_stream;

  task<> run();
  task<> one_of(task_group& all, task<> part);
  template <class Stream>
  task<> read_from(Stream& stream);
  template <class Stream>
  task<> write_to(Stream& stream);
  task<> write();
  void frame(const http2_session::frame_note& f) noexcept override;
  task<> watch();
  void end() noexcept;
  void tell_changes() noexcept;
  net::endpoint remote_endpoint() noexcept;
  // What the pool knows.
  void note_told() noexcept {
    places_told_ = places();
    streams_told_ = streams();
  }

  transport stream_;
  http2_session session_;
  frame_trace frames_;
  std::size_t reserved_ = 0;  // places taken whose head has not been sent
  std::uint64_t carried_ = 0;
  std::error_code lost_by_;  // why the connection has ended, when the system has said so
  rondo::event busy_;        // a stream is open
  rondo::detail::time_point heard_at_;
  rondo::detail::time_point busy_since_;
  int places_told_ = 0;
  std::size_t streams_told_ = 0;
  bool writing_ = false;
  bool retired_ = false;
  bool retired_told_ = false;
  bool leaving_ = false;  // GOAWAY has been said
  bool ended_ = false;
};

class http2_link_stream final : public client_stream {
 public:
  http2_link_stream(std::shared_ptr<http2_link> link, bool reused_connection) noexcept
      : link_(std::move(link)) {
    reused = reused_connection;
  }
  ~http2_link_stream() override {
    if (handed_over_) return;
    if (!ref_)
      --link_->reserved_;
    else if (!ref_->in_ended() || !ref_->out_ended())
      ref_->reset(http2_code::cancel);
    ref_.drop();
    link_->tell_changes();
  }

  task<parse_step> next_event() override {
    for (;;) {
      const parse_step step = buffered_event();
      if (step.event != parse_event::need_more) co_return step;
      ref_->incoming.clear();
      co_await ref_->incoming.wait();
    }
  }
  parse_step buffered_event() override;
  response_head& head() noexcept override { return head_; }
  const headers& trailers() const noexcept override { return ref_->trailers(); }
  bool has_body() const noexcept override { return has_body_; }

  void send_head(const http2_head& h, bool last) override;
  void send_rest(std::string_view body) override {
    write(body);
    ref_->end();
  }
  task<std::size_t> write_some(std::string_view bytes) override {
    for (;;) {
      if (ref_->closed() || ref_->out_ended())
        throw stream_lost(ref_->lost() && link_->lost_by_
                              ? link_->lost_by_
                              : std::make_error_code(std::errc::broken_pipe),
                          "the stream has ended");
      if (const std::size_t n = write(bytes); n > 0) co_return n;
      ref_->outgoing.clear();
      co_await ref_->outgoing.wait();
    }
  }
  void finish(headers trailers) override {
    ref_->end(trailers.empty() ? headers() : http2_fields(trailers));
  }
  void reset() noexcept override { ref_->reset(http2_code::cancel); }

  task<bool> takes_extended_connect() override {
    http2_session& s = link_->session_;
    while (!s.settings_came() && !s.is_lost()) {
      s.changed.clear();
      co_await s.changed.wait();
    }
    co_return link_->takes_extended_connect();
  }
  net::any_stream hand_over() override {
    handed_over_ = true;
    return net::any_stream(http2_tunnel(std::move(ref_), link_->remote_endpoint()));
  }

  bool is_in_doubt() const noexcept override {
    return link_->streams() == 1 && link_->stream_.readable_now();
  }
  void retire_connection() noexcept override { link_->retire(); }

 private:
  std::size_t write(std::string_view bytes) { return ref_->write(std::as_bytes(std::span(bytes))); }
  parse_step head_event(http2_head h);
  [[noreturn]] void throw_ended() const;
  void note_first_byte() noexcept {
    if (traced && !answered) first_byte_at = trace_clock();
    answered = true;
  }

  std::shared_ptr<http2_link> link_;
  http2_stream_ref ref_;
  response_head head_;
  std::string body_;  // the piece that was given last
  bool handed_over_ = false;
  bool to_head_ = false;
  bool head_told_ = false;
  bool has_body_ = false;
};

void http2_link_stream::send_head(const http2_head& h, bool last) {
  to_head_ = h.method == "HEAD";
  if (link_->session_.places() == 0) link_->busy_since_ = this_loop().now();
  ref_ = link_->session_.open(h, last);
  --link_->reserved_;
  link_->busy_.set();
}

parse_step http2_link_stream::head_event(http2_head h) {
  head_ = std::move(h).take_response();
  head_.reason = reason_phrase(head_.status);
  return {parse_event::head, 0, {}};
}

parse_step http2_link_stream::buffered_event() {
  http2_stream& s = *ref_;
  if (!s.interim().empty()) {
    note_first_byte();
    http2_head h = std::move(s.interim().front());
    s.interim().pop_front();
    return head_event(std::move(h));
  }
  if (!head_told_ && s.head_came()) {
    note_first_byte();
    if (s.head_too_large())
      throw protocol_error("the response's head is larger than client_options::limits", 502);
    head_told_ = true;
    parse_step step = head_event(std::move(s.head()));
    has_body_ = !to_head_ && head_.status != 204 && head_.status != 304 &&
                !(s.in_ended() && s.unread() == 0);
    return step;
  }
  if (head_told_) {
    if (s.unread() > 0) {
      body_ = s.take_body(most_of_a_piece);
      return {parse_event::body, 0, std::as_bytes(std::span(body_))};
    }
    if (s.in_ended()) return {parse_event::end, 0, {}};
  }
  if (s.closed()) throw_ended();
  return {parse_event::need_more, 0, {}};
}

void http2_link_stream::throw_ended() const {
  const http2_stream& s = *ref_;
  if (s.refused())
    throw stream_lost(std::make_error_code(std::errc::connection_reset),
                      "the server has not begun with the request", true);
  const std::error_code by =
      link_->lost_by_ ? link_->lost_by_ : std::make_error_code(std::errc::connection_reset);
  const std::string code(to_string(s.code()));
  if (link_->session_.failed() && !s.closed_by_peer())
    throw protocol_error("the server breaks a rule of HTTP/2: " + code, 502);
  if (s.lost()) throw stream_lost(by, http2_lost);
  if (s.closed_by_peer()) throw stream_lost(by, "the server has reset the stream: " + code);
  throw protocol_error("the response breaks a rule of HTTP/2: " + code, 502);
}

std::unique_ptr<client_stream> http2_link::take_place() {
  auto s = std::make_unique<http2_link_stream>(shared_from_this(), carried_ > 0);
  ++carried_;
  ++reserved_;
  note_told();
  return s;
}

net::endpoint http2_link::remote_endpoint() noexcept {
  try {
    return stream_.remote_endpoint();
  } catch (const std::system_error&) {
    return {};  // it has gone
  }
}

void http2_link::retire() noexcept {
  if (std::exchange(retired_, true)) return;
  session_.output.set();  // the writer looks whether it is over
  tell_changes();
}

void http2_link::close() noexcept {
  if (ended_) return;
  try {
    session_.shut_down();
    if (!writing_) {
      const std::span<const std::byte> last = session_.unsent();
      session_.sent(stream_.try_write(last));
    }
  } catch (...) {  // NOLINT(bugprone-empty-catch): no memory for a word: it is closed all the same
  }
  end();
}

// Nobody is resumed here: streams that are open find out that they are lost.
void http2_link::end() noexcept {
  if (std::exchange(ended_, true)) return;
  session_.lose();
  stream_.close();
  if (heard_by) heard_by->closed(*this);
}

void http2_link::tell_changes() noexcept {
  if (!heard_by || ended_) return;
  const std::shared_ptr<http2_link> kept = shared_from_this();
  if (!retired_told_ && (retired_ || session_.goaway_came() || session_.failed())) {
    retired_told_ = true;
    heard_by->retired(*this);
    if (!heard_by) return;
  }
  if (places() == places_told_ && streams() == streams_told_) return;
  note_told();
  heard_by->places_changed(*this);
}

// Whoever of the three ends first ends the others; the first failure is why it has ended.
task<> http2_link::run() {
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): with_task_group keeps it
  co_await with_task_group([this](task_group& g) -> task<> {
    g.spawn(one_of(g, write()));
    g.spawn(one_of(g, watch()));
    co_await one_of(g, stream_.with([this](auto& s) { return read_from(s); }));
  });
}

task<> http2_link::one_of(task_group& all, task<> part) {
  const outcome<void> ended = co_await as_result(std::move(part));
  if (!lost_by_ && !ended.has_value()) lost_by_ = ended.code();
  all.cancel();
}

template <class Stream>
task<> http2_link::read_from(Stream& stream) {
  const read_buffer buffer = make_read_buffer();
  for (;;) {
    const std::size_t n = co_await stream.read_some({buffer.get(), read_buffer_bytes});
    if (n == 0) co_return;
    heard_at_ = this_loop().now();
    session_.receive({buffer.get(), n}, heard_at_);
    tell_changes();
  }
}

task<> http2_link::write() {
  return stream_.with([this](auto& s) { return write_to(s); });
}

// Until nothing more is to be said.
template <class Stream>
task<> http2_link::write_to(Stream& stream) {
  for (;;) {
    session_.output.clear();
    const bool over = (retired_ || session_.goaway_came()) && streams() == 0;
    if (over && !std::exchange(leaving_, true)) session_.shut_down();
    const std::span<const std::byte> bytes = session_.unsent();
    if (bytes.empty()) {
      if (session_.finished() || (leaving_ && streams() == 0)) co_return;
      co_await session_.output.wait();
      continue;
    }
    writing_ = true;
    const auto written = co_await as_result(stream.write_some(bytes));
    writing_ = false;
    if (!written.has_value()) std::rethrow_exception(written.error());
    session_.sent(written.value());
    tell_changes();
  }
}

void http2_link::frame(const http2_session::frame_note& f) noexcept {
  try {
    const std::string text = describe_frame(f);
    frames_.to->on({trace_point::frame, frames_.exchange, trace_clock(), frames_.origin, text,
                    f.outgoing ? 1U : 0U});
  } catch (...) {  // NOLINT(bugprone-empty-catch): nothing here ends the connection
  }
}

task<> http2_link::watch() {
  for (;;) {
    co_await busy_.wait();
    const rondo::detail::time_point silent_since = std::max(heard_at_, busy_since_);
    const rondo::detail::time_point due = rondo::detail::add(silent_since, silence_before_ping);
    if (this_loop().now() < due) {
      co_await sleep_until(due);
      if (session_.places() == 0) busy_.clear();
      continue;
    }
    const rondo::detail::time_point asked_at = this_loop().now();
    session_.ping();
    co_await sleep_for(patience_with_ping);
    if (heard_at_ >= asked_at) continue;
    throw std::system_error(std::make_error_code(std::errc::timed_out),
                            "the server does not answer a ping");
  }
}

}  // namespace

std::shared_ptr<multiplexed> begin_http2(transport stream, const parser_limits& limits,
                                         frame_trace frames) {
  auto link = std::make_shared<http2_link>(std::move(stream), limits, std::move(frames));
  rondo::detail::this_core().run_service(http2_link::serve(http2_link::at_end(link)));
  return link;
}

}  // namespace rondo::http::detail
