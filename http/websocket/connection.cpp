#include <rondo/http/websocket/connection.hpp>
#include <rondo/runtime/as_result.hpp>
#include <rondo/runtime/io.hpp>
#include <rondo/runtime/loop.hpp>
#include <rondo/runtime/scope.hpp>
#include <rondo/runtime/task_group.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <system_error>
#include <utility>

namespace rondo::http::detail {
namespace {

// A message up to this size stands in the engine while it goes, so that its sender can leave. Of a
// larger one a server's bytes go from where they lie; a client masks a piece after the other, each
// a frame of its own.
constexpr std::size_t most_in_engine = 64 * 1024;
constexpr std::size_t piece_bytes = 256 * 1024;

engine_limits limits_of(const websocket_options& o) noexcept {
  return {.message_bytes = o.max_message_,
          .fragments = static_cast<std::uint32_t>(
              std::min<std::size_t>(o.max_fragments_, std::numeric_limits<std::uint32_t>::max()))};
}

// Takes its frame back when the sender is stopped before any of it has gone.
class pending_frame {
 public:
  pending_frame(engine& e, std::uint64_t begin) noexcept : engine_(e), begin_(begin) {}
  pending_frame(const pending_frame&) = delete;
  pending_frame& operator=(const pending_frame&) = delete;
  ~pending_frame() {
    if (is_unwinding()) engine_.take_back(begin_);
  }

 private:
  engine& engine_;
  std::uint64_t begin_;
};

std::shared_ptr<const websocket_times> times_of(const websocket_options& o) {
  thread_local std::shared_ptr<const websocket_times> latest;
  const websocket_times wanted{o.heartbeat_, o.patience_, o.write_timeout_, o.close_timeout_};
  if (!latest || *latest != wanted) latest = std::make_shared<const websocket_times>(wanted);
  return latest;
}

std::string io_failure(const std::system_error& e) {
  return std::string("the connection was lost: ") + e.what();
}

}  // namespace

// A message of which a part has gone: unless the rest follows, nothing can.
class websocket_connection::cut_in_two {
 public:
  explicit cut_in_two(websocket_connection& c) noexcept : connection_(&c) {}
  cut_in_two(const cut_in_two&) = delete;
  cut_in_two& operator=(const cut_in_two&) = delete;
  ~cut_in_two() {
    if (connection_) connection_->cut_message();
  }
  void never_mind() noexcept { connection_ = nullptr; }

 private:
  websocket_connection* connection_;
};

// The right to read, which one task has at a time.
class websocket_connection::reading_turn {
 public:
  reading_turn() noexcept = default;
  reading_turn(const reading_turn&) = delete;
  reading_turn& operator=(const reading_turn&) = delete;
  ~reading_turn() {
    if (!connection_) return;
    connection_->reading_ = reader::nobody;
    if (connection_->others_) connection_->others_->reader_left.set();
  }

  bool is_taken() const noexcept { return connection_ != nullptr; }
  void take(websocket_connection& c, reader who) {
    if (c.reading_ != reader::nobody) throw std::system_error(io_errc::busy, "websocket receive");
    c.reading_ = who;
    connection_ = &c;
  }

 private:
  websocket_connection* connection_ = nullptr;
};

// A receive of the socket's that keeps what came: as the result of the await it would have a place
// of its own in the frame.
class [[nodiscard("without co_await nothing happens")]] websocket_connection::arrival
    : public rondo::detail::awaitable_tag {
 public:
  explicit arrival(plain_stream& s) noexcept : wait_(s.receive()) {}
  bool await_ready() const noexcept { return wait_.await_ready(); }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) noexcept {
    return wait_.await_suspend(h);
  }
  void await_resume() const noexcept {}
  outcome<received_bytes> take() noexcept { return wait_.take_outcome(); }

 private:
  rondo::detail::receive_wait wait_;
};

websocket_connection::websocket_connection(side s, transport stream, std::string first,
                                           const websocket_options& o)
    : timer(&heart_beats),
      side_(s),
      awaits_end_(s == side::client),
      engine_(s, limits_of(o)),
      stream_(std::move(stream)),
      times_(times_of(o)),
      since_(this_loop().now()) {
  if (first.empty()) return;
  buffer_ = std::make_unique_for_overwrite<std::byte[]>(first.size()).release();
  buffer_is_ = buffer::first;
  unread_size_ = static_cast<std::uint32_t>(first.size());
  std::ranges::copy(std::as_bytes(std::span(first)), unread().begin());
}

websocket_connection::~websocket_connection() {
  if (armed()) rondo::detail::this_core().timers().disarm(*this);
  drop_buffer();
  if (ended_) return;
  const bool at_rest = !broken_ && !writing_ && !engine_.in_a_frame() && !has_unsent();
  if (at_rest && !engine_.close_was_put()) {
    try {
      engine_.put_close(
          std::uncaught_exceptions() > 0 ? close_code::internal_error : close_code::going_away, {});
      write_now();
    } catch (...) {  // no memory for a word: the peer sees 1006
      stream_.abort();
      return;
    }
  }
  if (broken_ || writing_ || engine_.in_a_frame())
    stream_.abort();
  else
    stream_.close();
}

const std::string& websocket_connection::protocol() const noexcept {
  static const std::string none;
  return others_ ? others_->protocol : none;
}

void websocket_connection::leave(std::uint16_t code) noexcept {
  if (ended_ || broken_ || engine_.close_was_put()) return;
  try {
    engine_.put_close(code, {});
  } catch (...) {
    return;  // the grace ends it
  }
  if (!writing_) write_now();
}

void websocket_connection::end(ending how) noexcept {
  if (std::exchange(ended_, true)) return;
  drop_buffer();
  if (how == ending::in_order)
    stream_.close();
  else
    stream_.abort();
  if (!others_) return;
  others_->reader_left.set();
  others_->pong_came.set();
}

void websocket_connection::lose(const std::string& why, ending how) {
  end(how);
  throw websocket_error(close_code::lost, why);
}

void websocket_connection::throw_failure() const {
  throw websocket_error(engine_.code(), "the peer has sent " + engine_.reason());
}

void websocket_connection::check_writable() const {
  if (failed_) throw_failure();
  if (engine_.close_came())
    throw websocket_error(engine_.code(), "the peer has closed: nothing can be sent any more");
  if (ended_) throw websocket_error(close_code::lost, "the connection has ended");
  if (broken_)
    throw websocket_error(close_code::lost,
                          "a message was cut in two by a cancellation: nothing can follow it");
  if (engine_.close_was_put())
    throw websocket_error(close_code::normal, "a Close was sent: nothing can follow it");
}

// --- reading ---

engine::step websocket_connection::take_buffered() {
  if (unread_size_ == 0) {  // as after most messages
    engine_.take_nothing();
    return engine::step::more;
  }
  struct taking {
    websocket_connection& connection;
    std::span<std::byte> left = connection.unread();
    explicit taking(websocket_connection& c) noexcept : connection(c) {}
    taking(const taking&) = delete;
    taking& operator=(const taking&) = delete;
    ~taking() {  // also when memory has run out
      const auto n = static_cast<std::uint32_t>(left.size());
      connection.unread_begin_ += connection.unread_size_ - n;
      connection.unread_size_ = n;
    }
  } now(*this);
  for (;;) {
    const engine::step s = engine_.take(now.left);
    if (s != engine::step::pong) return s;
    note_pong();
  }
}

// Ours count from 1; any other is nobody's.
void websocket_connection::note_pong() noexcept {
  const std::string_view payload = engine_.pong_payload();
  std::uint64_t number = 0;
  const auto [end, error] =
      std::from_chars(payload.data(), payload.data() + payload.size(), number);
  if (error != std::errc() || end != payload.data() + payload.size()) return;
  if (!others_ || number > others_->pings || number <= others_->pongs_to) return;
  others_->pongs_to = number;
  others_->pong_came.set();
}

websocket_message websocket_connection::take_message() {
  websocket_message m{std::exchange(engine_.message(), {}), engine_.is_text()};
  return m;
}

task<> websocket_connection::read() {
  return stream_.with([this](auto& stream) { return read_from(stream); });
}

template <class Stream>
task<> websocket_connection::read_from(Stream& stream) {
  let_go_of_what_was_read();
  if constexpr (std::same_as<Stream, plain_stream>) {
    arrival next(stream);
    co_await next;
    took(next);
  } else {
    if (!buffer_) buffer_ = make_read_buffer().release();
    buffer_is_ = buffer::own;
    const std::span<std::byte> room(buffer_, read_buffer_bytes);
    const outcome<std::size_t> n = co_await as_result(stream.read_some(room));
    if (n.has_error()) lose_reading(n.error());
    heard(buffer_, n.value());
  }
}

void websocket_connection::drop_buffer() noexcept {
  std::byte* const b = std::exchange(buffer_, nullptr);
  if (buffer_is_ == buffer::lent)
    received_bytes(b, 0, stream_.socket().native().loop_id()).give_back();
  else
    read_buffer(b).reset();
  buffer_is_ = buffer::none;
  unread_begin_ = unread_size_ = 0;
}

void websocket_connection::took(arrival& a) {
  outcome<received_bytes> got = a.take();
  if (got.has_error()) lose_reading(got.error());
  const std::size_t n = got.value().size();
  std::byte* const lent = std::move(got).value().release();
  if (lent) buffer_is_ = buffer::lent;
  heard(lent, n);
}

void websocket_connection::heard(std::byte* buffer, std::size_t n) {
  buffer_ = buffer;
  unread_begin_ = 0;
  unread_size_ = static_cast<std::uint32_t>(n);
  if (n == 0) lose("the connection ended without a Close", ending::in_order);
  since_ = this_loop().now();
  pinged_ = false;
}

void websocket_connection::lose_reading(const std::exception_ptr& why) {
  if (given_up_) lose("the peer has answered no ping");
  try {
    std::rethrow_exception(why);
  } catch (const std::system_error& e) {
    lose(io_failure(e));
  }
}

// What could not go at once goes beside the reading.
task<> websocket_connection::read_beside_writing() {
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): with_task_group keeps it
  co_await with_task_group([this](task_group& g) -> task<> {
    auto writer = g.spawn(say_last_words());
    co_await read();
    writer.cancel();
  });
}

// The heartbeat: bytes of any kind are a sign of life, whether or not somebody has read them. Its
// timer is not armed anew for each read: when it fires it sees what is due by then.
void websocket_connection::feel_heart() noexcept {
  if (armed() || times_->heartbeat <= times_->heartbeat.zero()) return;
  rondo::detail::this_core().timers().arm(*this, next_beat());
}

rondo::detail::time_point websocket_connection::next_beat() const noexcept {
  return rondo::detail::add(since_, pinged_ ? times_->patience : times_->heartbeat);
}

void websocket_connection::heart_beats(rondo::detail::timer& t) noexcept {
  auto& c = static_cast<websocket_connection&>(t);
  if (c.reading_ != reader::receive || c.ended_ || c.engine_.close_was_put()) return;
  const auto now = rondo::detail::this_core().now();
  if (c.next_beat() <= now) {
    if (c.stream_.readable_now()) {  // and is being read
      c.since_ = now;
      c.pinged_ = false;
    } else if (c.pinged_) {
      c.given_up_ = true;
      c.stream_.abort();  // whoever reads hears of that
      return;
    } else {
      c.send_beat(now);
    }
  }
  c.feel_heart();
}

// What of it does not fit goes with whatever is written next.
void websocket_connection::send_beat(rondo::detail::time_point now) noexcept {
  pinged_ = true;
  since_ = now;
  if (engine_.in_a_frame()) return;
  try {
    engine_.put_ping({});
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): what comes by itself counts
  }
  if (!writing_) write_now();
}

// One that is idle has this frame: what it waits in for long stands in it, and all else behind one
// other await.
task<std::optional<websocket_message>> websocket_connection::receive() {
  reading_turn turn;
  for (;;) {
    const found what = look(turn);
    if (what == found::message) co_return take_message();
    if (what == found::end) co_return std::nullopt;
    if (what == found::nothing) {
      let_go_of_what_was_read();
      arrival next(stream_.socket());
      co_await next;
      took(next);
    } else {
      co_await go_on(what);
    }
  }
}

websocket_connection::found websocket_connection::look(reading_turn& turn) {
  if (!turn.is_taken()) {
    if (reading_ == reader::close && !ended_) return found::another_reader;
    turn.take(*this, reader::receive);
  }
  for (;;) {
    if (ended_ || engine_.close_came()) {
      if (!ended_) return found::ending;  // or what another, who was cancelled, has begun of it
      if (failed_) throw_failure();
      if (engine_.close_came()) return found::end;
      throw websocket_error(close_code::lost, "the connection has ended");
    }
    switch (take_buffered()) {
      case engine::step::message:
        if (engine_.close_was_put()) continue;  // after our Close nobody wants it
        if (unread_size_ == 0) write_now();
        return found::message;
      case engine::step::closed: continue;
      case engine::step::failed: failed_ = true; continue;
      case engine::step::pong:
      case engine::step::more: break;
    }
    if (!writing_) write_now();
    feel_heart();
    if (has_unsent() && !writing_) return found::something_unsent;
    return stream_.is_plain() ? found::nothing : found::nothing_buffered;
  }
}

task<> websocket_connection::go_on(found what) {
  switch (what) {
    case found::another_reader: return until_left_by(reader::close);
    case found::ending: return finish();
    case found::something_unsent: return read_beside_writing();
    default: return read();
  }
}

task<> websocket_connection::until_left_by(reader who) {
  while (reading_ == who && !ended_) {
    others().reader_left.clear();
    co_await others().reader_left.wait();
  }
}

// --- writing ---

bool websocket_connection::write_now() noexcept {
  if (writing_ || broken_ || ended_) return false;
  try {
    for (std::span<const std::byte> out; !(out = engine_.unsent()).empty();) {
      const std::size_t n = stream_.try_write(out);
      engine_.sent(n);
      if (n == 0) return false;
    }
  } catch (const std::bad_alloc&) {
    return false;  // a pong that is still due
  }
  return !stream_.owes();
}

bool websocket_connection::has_unsent() const noexcept {
  return engine_.has_unsent() || stream_.owes();
}

template <class Stream>
task<> websocket_connection::wait_for_room_of(Stream& stream) {
  if constexpr (std::same_as<Stream, tls_stream>) {
    co_await stream.flush();
    if (!engine_.has_unsent()) co_return;
    if (const std::size_t n = stream.try_write(engine_.unsent()); n > 0) {
      engine_.sent(n);
      co_return;
    }
  }
  engine_.sent(co_await stream.write_some(engine_.unsent()));
}

// Something goes, or the peer is given up.
task<> websocket_connection::wait_for_room() {
  struct in_flight {
    bool& flag;
    explicit in_flight(bool& f) noexcept : flag(f) { flag = true; }
    in_flight(const in_flight&) = delete;
    in_flight& operator=(const in_flight&) = delete;
    ~in_flight() { flag = false; }
  } const mine(writing_);
  bool went = false;
  try {
    went = co_await try_for(
        times_->write, stream_.with([this](auto& stream) { return wait_for_room_of(stream); }));
  } catch (const std::system_error& e) {
    lose(io_failure(e));
  }
  if (!went) lose("the peer takes nothing of what is sent");
}

task<> websocket_connection::write_out() {
  while (!write_now()) {
    if (ended_) lose("the connection has ended");
    if (has_unsent()) co_await wait_for_room();
  }
}

task<> websocket_connection::send(opcode kind, std::span<const std::byte> payload) {
  const mutex::guard mine = co_await line_.lock();
  check_writable();
  if (payload.size() > most_in_engine) {
    co_await send_large(kind, payload);
    co_return;
  }
  const pending_frame frame(engine_, engine_.put(kind, payload));
  if (!write_now()) co_await write_out();
}

task<> websocket_connection::send_piece(opcode kind, std::span<const std::byte> payload,
                                        bool last) {
  check_writable();
  engine_.put(kind, payload, last);
  if (!write_now()) co_await write_out();
}

task<> websocket_connection::send_framed(opcode kind, std::span<const std::byte> wire,
                                         std::size_t head) {
  const auto payload = wire.subspan(head);
  if (side_ == side::client || engine_.compresses(payload.size())) return send(kind, payload);
  return send_wire(wire);
}

task<> websocket_connection::send_wire(std::span<const std::byte> wire) {
  const mutex::guard mine = co_await line_.lock();
  check_writable();
  if (!write_now()) {
    co_await write_out();
    check_writable();
  }
  const std::size_t gone = stream_.try_write(wire);
  if (gone == wire.size() && !stream_.owes()) co_return;
  // What is left stands in the engine, as any message: the sender may leave.
  cut_in_two guard(*this);
  if (gone == 0) guard.never_mind();
  const pending_frame frame(engine_, engine_.put_framed(wire.subspan(gone), gone));
  guard.never_mind();
  co_await write_out();
}

task<> websocket_connection::send_large(opcode kind, std::span<const std::byte> payload) {
  if (engine_.compresses() || side_ == side::client) {
    // The first piece can be taken back; after it the message must be whole.
    std::optional<cut_in_two> guard;
    while (true) {
      if (guard) check_writable();  // a Close may have come in between
      const bool whole = engine_.compresses();
      const auto piece = whole ? payload : payload.first(std::min(payload.size(), piece_bytes));
      payload = payload.subspan(piece.size());
      const std::uint64_t begin = engine_.put(kind, piece, payload.empty());
      if (!guard) {
        const pending_frame frame(engine_, begin);
        if (!write_now()) co_await write_out();
      } else if (!write_now()) {
        co_await write_out();
      }
      if (payload.empty()) {
        if (guard) guard->never_mind();
        co_return;
      }
      if (!guard) guard.emplace(*this);
      kind = opcode::continuation;
    }
  }
  co_await write_out();
  check_writable();
  cut_in_two guard(*this);
  engine_.put_head(kind, payload.size());
  co_await write_out();
  co_await write_whole(payload);
  guard.never_mind();
  engine_.frame_ended();
  write_now();
}

task<> websocket_connection::write_whole(std::span<const std::byte> payload) {
  try {
    while (!payload.empty()) {
      const std::size_t n = stream_.try_write(payload);
      payload = payload.subspan(n);
      if (n > 0) continue;
      const std::optional<std::size_t> more =
          co_await try_for(times_->write, stream_.with([payload](auto& stream) {
            return rondo::detail::to_task(stream.write_some(payload));
          }));
      if (!more) lose("the peer takes nothing of what is sent");
      payload = payload.subspan(*more);
    }
  } catch (const std::system_error& e) {
    lose(io_failure(e));
  }
}

bool websocket_connection::try_send(opcode kind, std::span<const std::byte> payload) {
  check_writable();
  if (line_.is_locked() || writing_ || payload.size() > most_in_engine || !write_now())
    return false;
  const std::uint64_t begin = engine_.put(kind, payload);
  write_now();
  return !engine_.has_unsent() || !engine_.take_back(begin);
}

task<rondo::detail::nanoseconds> websocket_connection::ping() {
  const auto begun = this_loop().now();
  std::uint64_t mine = 0;
  {
    const mutex::guard line = co_await line_.lock();
    check_writable();
    mine = ++others().pings;  // by now: who stood in the line before has a number of his own
    const std::string payload = std::to_string(mine);
    engine_.put_ping(std::as_bytes(std::span(payload)));
    if (!write_now()) co_await write_out();
  }
  while (others().pongs_to < mine) {
    if (ended_) throw websocket_error(engine_.code(), "the connection ended before a pong came");
    others().pong_came.clear();
    co_await others().pong_came.wait();
  }
  co_return this_loop().now() - begun;
}

// --- the end ---

task<> websocket_connection::say_last_words() {
  const mutex::guard mine = co_await line_.lock();
  if (!broken_) co_await write_out();
}

// A server closes first, so that the client's side has no port that waits (RFC 6455, section
// 7.1.1); a client waits for that, but on a stream of HTTP/2, which has no port.
task<> websocket_connection::read_to_the_end() {
  for (;;) {
    bool at_the_end = false;
    const outcome<void> r = co_await as_result(read());
    at_the_end = r.has_error();
    unread_size_ = 0;
    if (at_the_end) co_return;
  }
}

task<> websocket_connection::finish() {
  bool in_order = false;
  if (!broken_) {  // a large message that is on its way goes first
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): try_for keeps it
    const outcome<bool> said = co_await as_result(try_for(times_->close, [this]() -> task<> {
      co_await say_last_words();
      if (awaits_end_ && !ended_) co_await read_to_the_end();
    }));
    in_order = said.has_value() && said.value();  // whatever went wrong, it is over
  }
  end(in_order ? ending::in_order : ending::given_up);
}

task<> websocket_connection::shake_hands_to_close(std::uint16_t code, std::string_view reason) {
  {
    const mutex::guard mine = co_await line_.lock();
    if (broken_ || ended_) co_return;  // nothing can be said, and so no answer comes
    engine_.put_close(code, reason);
    co_await write_out();
  }
  // Who receives hears the answer, and closes the stream; or is cancelled.
  co_await until_left_by(reader::receive);
  if (ended_) co_return;
  reading_turn turn;
  turn.take(*this, reader::close);
  while (!engine_.close_came()) {
    switch (take_buffered()) {
      case engine::step::closed:
      case engine::step::failed:
      case engine::step::message: continue;  // nobody wants it any more
      case engine::step::pong:
      case engine::step::more: break;
    }
    co_await (has_unsent() && !writing_ ? read_beside_writing() : read());
  }
  if (awaits_end_) co_await read_to_the_end();
}

task<> websocket_connection::close(std::uint16_t code, std::string_view reason) {
  if (ended_) co_return;
  const outcome<bool> done =
      co_await as_result(try_for(times_->close, shake_hands_to_close(code, reason)));
  // A connection that is lost on the way is closed, too.
  const bool in_order = done.has_value() && done.value() && !broken_;
  end(in_order ? ending::in_order : ending::given_up);
}

}  // namespace rondo::http::detail
