#include <rondo/http/http2/session.hpp>

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>
#include <new>
#include <vector>

namespace rondo::http::detail {
namespace {

// Of what goes out, what is kept while nothing does.
constexpr std::size_t most_kept_of_output = 512;
// Frames that libnghttp2 has in line: answers that the peer does not take.
constexpr std::size_t most_queued_frames = 4000;
constexpr std::uint32_t most_continuations = 8;
// A stream's credit goes back in so many parts of its window.
constexpr std::uint32_t credits_in_a_window = 32;
constexpr std::uint32_t priority_bytes = 5;
// Bytes beyond which seven in eight may not be useless.
constexpr std::uint64_t most_useless = std::uint64_t{1} << 20;
// RFC 9113, section 3.4.
constexpr std::uint32_t client_preface_bytes = 24;

}  // namespace

// Once it has run out of memory, 1.52 would free twice what it could not put into its queue of
// DATA: the blocks go one by one in its place.
void http2_session::native_delete::operator()(nghttp2_session* s) const noexcept {
  if (!memory->ran_out) nghttp2_session_del(s);
}

http2_session::http2_session(http2_role role, const http2_settings& settings)
    : role_(role),
      settings_(settings),
      native_(make_native(role, *this), {&memory_}),
      resets_(settings.resets, settings.resets_per_second),
      faults_(settings.faults, settings.faults_per_second),
      skip_(role == http2_role::server ? client_preface_bytes : 0) {
  std::vector<nghttp2_settings_entry> entries;
  const auto tell = [&entries](nghttp2_settings_id id, std::uint32_t value) {
    entries.push_back({id, value});
  };
  if (role == http2_role::server) {
    tell(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings.streams);
    if (settings.extended_connect) tell(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1);
  } else {
    tell(NGHTTP2_SETTINGS_ENABLE_PUSH, 0);
  }
  tell(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings.stream_window);
  tell(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings.head_bytes);
  tell(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1);
  throw_if_no_memory(
      nghttp2_submit_settings(native_.get(), NGHTTP2_FLAG_NONE, entries.data(), entries.size()));
  throw_if_no_memory(nghttp2_session_set_local_window_size(
      native_.get(), NGHTTP2_FLAG_NONE, 0, static_cast<std::int32_t>(settings.connection_window)));
  output.set();
}

http2_session::~http2_session() {
  lose();
  while (!streams_.empty()) {
    http2_stream& s = streams_.front();
    s.unlink();
    for (http2_stream::link* l : {&s.due_, &s.arrived_, &s.leaving_}) {
      if (!l->linked()) continue;
      if (l == &s.arrived_) s.held_by_ref_ = false;
      l->unlink();
    }
    s.session_ = nullptr;
    s.open_ = s.counts_ = false;
    release(s);
  }
}

// --- bytes ---

// Frame by frame, as far as the rules go that libnghttp2 does not keep: how many of the bytes it
// may see.
std::size_t http2_session::look_at(std::span<const std::byte> bytes) noexcept {
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (skip_ > 0) {
      const std::size_t n = std::min<std::size_t>(skip_, bytes.size() - at);
      if (prioritized_ != 0 && depends_on_itself(bytes.subspan(at, n))) {
        fail(http2_code::protocol_error);
        return at;
      }
      skip_ -= static_cast<std::uint32_t>(n);
      at += n;
      if (skip_ > 0) return at;
      preface_came_ = true;
      if (head_ends_) head_under_way_ = head_ends_ = false;
      continue;
    }
    preface_came_ = true;
    const std::size_t n = std::min(frame_head_bytes - head_have_, bytes.size() - at);
    std::ranges::copy(bytes.subspan(at, n), head_.begin() + head_have_);
    head_have_ = static_cast<std::uint8_t>(head_have_ + n);
    at += n;
    if (head_have_ < frame_head_bytes) return at;
    head_have_ = 0;
    const auto byte = [this](std::size_t i) { return static_cast<std::uint32_t>(head_[i]); };
    const frame_note f{.outgoing = false,
                       .type = static_cast<std::uint8_t>(byte(3)),
                       .flags = static_cast<std::uint8_t>(byte(4)),
                       .stream = static_cast<std::int32_t>((byte(5) & 0x7F) << 24 | byte(6) << 16 |
                                                           byte(7) << 8 | byte(8)),
                       .length = byte(0) << 16 | byte(1) << 8 | byte(2)};
    skip_ = static_cast<std::uint32_t>(f.length);
    if (observer_) observer_->frame(f);
    if (const std::optional<http2_code> verdict = judge(f)) {
      fail(*verdict);
      return at - n;
    }
  }
  return at;
}

// RFC 7540, section 5.3.1: of a PRIORITY frame's payload, in pieces as it comes.
bool http2_session::depends_on_itself(std::span<const std::byte> piece) noexcept {
  std::uint32_t at = priority_bytes - skip_;
  for (const std::byte b : piece) {
    if (at++ == 4) break;
    depends_on_ = depends_on_ << 8 | static_cast<std::uint32_t>(b);
  }
  if (at < 4) return false;
  return std::exchange(prioritized_, 0) == (std::exchange(depends_on_, 0) & 0x7FFF'FFFF);
}

std::optional<http2_code> http2_session::judge(const frame_note& f) noexcept {
  came_ += frame_head_bytes + f.length;
  if (f.type == NGHTTP2_HEADERS || f.type == NGHTTP2_CONTINUATION) {
    head_under_way_ = true;
    head_ends_ = (f.flags & NGHTTP2_FLAG_END_HEADERS) != 0;
  }
  if (f.type == NGHTTP2_CONTINUATION) {
    if (++continuations_ > most_continuations) return http2_code::enhance_your_calm;
  } else if (f.type == NGHTTP2_HEADERS) {
    continuations_ = 0;
    useful_ += f.length;
  } else if (f.type == NGHTTP2_DATA && role_ == http2_role::client) {
    useful_ += f.length;  // also for a stream that we have reset: it was on its way
  }
  if (came_ / 8 > useful_ + most_useless) return http2_code::enhance_your_calm;
  // RFC 9113, section 6.3; libnghttp2 passes priorities over.
  if (f.type == NGHTTP2_PRIORITY) {
    if (f.stream == 0) return http2_code::protocol_error;
    if (f.length == priority_bytes) prioritized_ = static_cast<std::uint32_t>(f.stream);
  }
  // RFC 9113, sections 5.1 and 5.1.1.
  if (role_ != http2_role::server || f.stream % 2 == 0) return std::nullopt;
  const auto id = static_cast<std::uint32_t>(f.stream);
  if (f.type == NGHTTP2_RST_STREAM) {
    history_.end(id);
    return std::nullopt;
  }
  if (f.type != NGHTTP2_HEADERS && f.type != NGHTTP2_DATA) return std::nullopt;
  if (id > history_.highest()) {
    if (f.type == NGHTTP2_DATA) return std::nullopt;  // of an idle stream: libnghttp2 refuses it
    history_.open(id);
  } else {
    switch (history_.of(id)) {
      case stream_history::fate::open: break;
      case stream_history::fate::forgotten:
        if (f.type == NGHTTP2_HEADERS &&
            nghttp2_session_find_stream(native_.get(), f.stream) == nullptr)
          return http2_code::stream_closed;
        break;
      case stream_history::fate::ended: return http2_code::stream_closed;
      case stream_history::fate::unopened:
        return f.type == NGHTTP2_HEADERS ? http2_code::protocol_error : http2_code::stream_closed;
    }
  }
  if ((f.flags & NGHTTP2_FLAG_END_STREAM) != 0) history_.end(id);
  return std::nullopt;
}

void http2_session::receive(std::span<const std::byte> bytes, rondo::detail::time_point now) {
  now_ = now;
  if (deaf_ || failed_) return;
  const std::size_t fine = look_at(bytes);
  const bool verdict = failed_;
  failed_ = false;  // what stands before the broken rule counts
  const ssize_t result = nghttp2_session_mem_recv(
      native_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), fine);
  failed_ = failed_ || verdict;
  if (result < 0) {
    give_up(static_cast<int>(result));
  } else if (nghttp2_session_get_outbound_queue_size(native_.get()) > most_queued_frames) {
    fail(http2_code::enhance_your_calm);
  }
  if (failed_) end_streams(failure_);
  output.set();
}

void http2_session::give_up(int error) {
  if (error == NGHTTP2_ERR_NOMEM || no_memory_) throw std::bad_alloc();
  const http2_code code = failed_                                 ? failure_
                          : error == NGHTTP2_ERR_BAD_CLIENT_MAGIC ? http2_code::protocol_error
                          : error == NGHTTP2_ERR_CALLBACK_FAILURE ? http2_code::internal_error
                                                                  : http2_code::enhance_your_calm;
  failed_ = verdict_told_ = deaf_ = true;
  failure_ = code;
  // libnghttp2 makes no more frames.
  const auto last =
      static_cast<std::uint32_t>(nghttp2_session_get_last_proc_stream_id(native_.get()));
  const auto number = static_cast<std::uint32_t>(code);
  const std::array<std::uint32_t, 2> words{last, number};
  std::string frame("\0\0\x08\x07\0\0\0\0\0", frame_head_bytes);
  for (const std::uint32_t w : words)
    for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(w >> shift);
  out_ += frame;
}

void http2_session::fail(http2_code code) noexcept {
  if (failed_) return;
  failed_ = true;
  failure_ = code;
  output.set();
  changed.set();
}

void http2_session::end_streams(http2_code code) noexcept {
  pong_came.set();
  streams_.for_each([&](http2_stream& s) noexcept {
    if (s.closed_) return;
    s.lost_ = true;
    conclude(s, code, false);
  });
  changed.set();
}

void http2_session::lose() noexcept {
  if (std::exchange(lost_, true)) return;
  deaf_ = true;
  end_streams(failed_ ? failure_ : http2_code::internal_error);
  output.set();
}

void http2_session::tell_due() {
  if (failed_ && !std::exchange(verdict_told_, true)) {
    throw_if_no_memory(
        nghttp2_session_terminate_session(native_.get(), static_cast<std::uint32_t>(failure_)));
    end_streams(failure_);
  }
  while (http2_stream::link* const l = due_.pop_front()) {
    http2_stream& s = l->stream;
    if (s.open_) {
      if (s.reset_due_) {
        s.reset_due_ = false;
        s.reset_ours_ = true;
        throw_if_no_memory(nghttp2_submit_rst_stream(native_.get(), NGHTTP2_FLAG_NONE, s.id_,
                                                     static_cast<std::uint32_t>(s.code_)));
      } else if (!s.closed_) {
        // libnghttp2 would save it up for half of the window: half a window in a round trip is all
        // that could come then.
        if (s.credit_ > settings_.stream_window / credits_in_a_window && !s.in_ended_)
          throw_if_no_memory(
              nghttp2_submit_window_update(native_.get(), NGHTTP2_FLAG_NONE, s.id_,
                                           static_cast<std::int32_t>(std::exchange(s.credit_, 0))));
        if (s.deferred_ && (s.out_size() > 0 || s.out_ended_)) {
          s.deferred_ = false;
          throw_if_no_memory(nghttp2_session_resume_data(native_.get(), s.id_));
        }
      }
    }
    release(s);
  }
  if (const std::size_t n = std::exchange(credit_, 0); n > 0)
    throw_if_no_memory(nghttp2_session_consume_connection(native_.get(), n));
}

std::span<const std::byte> http2_session::unsent() {
  if (sent_ < out_.size() || deaf_) return std::as_bytes(std::span(out_)).subspan(sent_);
  writing_ = true;
  struct in_unsent {
    bool& flag;
    ~in_unsent() { flag = false; }
  } const mine{writing_};
  full_ = false;
  do {
    tell_due();
    for (;;) {
      const std::uint8_t* bytes = nullptr;
      const ssize_t n = nghttp2_session_mem_send(native_.get(), &bytes);
      if (n < 0) {
        give_up(static_cast<int>(n));
        break;
      }
      if (n == 0) break;
      if (out_.empty()) out_.reserve(std::max(expected_, static_cast<std::size_t>(n)));
      out_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n));
      if (out_.size() >= enough_for_a_write) full_ = true;
      if (full_) break;
    }
  } while (!deaf_ && !full_ && (!due_.empty() || credit_ > 0 || (failed_ && !verdict_told_)));
  if (failed_) end_streams(failure_);
  if (out_.empty()) free_places();
  return std::as_bytes(std::span(out_));
}

// Of streams whose last frame has been written.
void http2_session::free_places() noexcept {
  while (!leaving_.empty() && leaving_.front().stream.closed_at_ <= before_ + sent_) {
    http2_stream& s = leaving_.pop_front()->stream;
    s.counts_ = false;
    --places_;
    changed.set();
    release(s);
  }
}

void http2_session::sent(std::size_t n) noexcept {
  sent_ += n;
  assert(sent_ <= out_.size());
  free_places();
  if (sent_ < out_.size()) return;
  before_ += sent_;
  sent_ = 0;
  expected_ = out_.size();
  // An idle connection holds nothing.
  if (out_.capacity() > most_kept_of_output)
    std::string().swap(out_);
  else
    out_.clear();
}

bool http2_session::finished() const noexcept {
  if (sent_ < out_.size()) return false;
  if (deaf_) return true;
  if (failed_ && !verdict_told_) return false;
  return nghttp2_session_want_read(native_.get()) == 0 &&
         nghttp2_session_want_write(native_.get()) == 0 && due_.empty();
}

// --- streams ---

http2_stream_ref http2_session::open(const http2_head& h, bool end) {
  assert(role_ == http2_role::client);
  auto* const stream = new http2_stream(*this);
  http2_stream_ref ref(*stream);
  stream->session_ = nullptr;  // until it is one of ours
  stream->open_ = stream->counts_ = false;
  stream->out_ended_ = end;
  stream->head_said_ = true;
  if (deaf_ || failed_ || goaway_came_ ||
      nghttp2_session_check_request_allowed(native_.get()) == 0) {
    stream->closed_ = true;
    stream->code_ = http2_code::refused_stream;
    return ref;
  }
  const std::int32_t id = submit_request(native_.get(), h, *stream, end);
  if (id < 0) {
    stream->closed_ = true;
    stream->code_ = http2_code::refused_stream;
    return ref;
  }
  stream->session_ = this;
  stream->id_ = id;
  stream->open_ = stream->counts_ = true;
  streams_.push_back(*stream);
  ++places_;
  output.set();
  return ref;
}

http2_stream_ref http2_session::accept() noexcept {
  http2_stream::link* const l = arrived_.pop_front();
  if (l == nullptr) return {};
  --arrived_count_;
  return http2_stream_ref(l->stream);
}

std::uint32_t http2_session::peer_streams() const noexcept {
  return nghttp2_session_get_remote_settings(native_.get(),
                                             NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

bool http2_session::peer_takes_extended_connect() const noexcept {
  return nghttp2_session_get_remote_settings(native_.get(),
                                             NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

void http2_session::mark_due(http2_stream& s) noexcept {
  if (!s.due_.linked()) due_.push_back(s.due_);
  output.set();
}

void http2_session::forget_body(http2_stream& s) noexcept {
  buffered_ -= s.unread();
  if (s.held_ > 0) give_credit(std::exchange(s.held_, 0));
  std::string().swap(s.body_);
  s.body_begin_ = 0;
}

void http2_session::conclude(http2_stream& s, http2_code code, bool by_peer) noexcept {
  if (s.closed_) return;
  s.closed_ = true;
  s.code_ = code;
  s.by_peer_ = by_peer;
  if (!s.in_ended_) forget_body(s);  // what has come whole may still be read
  std::string().swap(s.out_);
  s.out_begin_ = 0;
  s.changed();
  const bool in_good_order = code == http2_code::no_error && !by_peer && !s.lost_;
  if (s.owner_ != nullptr && !in_good_order) s.owner_->stream_ended();
}

void http2_session::leave_place(http2_stream& s) noexcept {
  if (!s.counts_) return;
  if (writing_) {
    s.closed_at_ = before_ + out_.size();
    leaving_.push_back(s.leaving_);
    return;
  }
  s.counts_ = false;
  --places_;
  changed.set();
}

// When nobody needs it any more.
void http2_session::release(http2_stream& s) noexcept {
  if (s.open_ || s.held_by_ref_ || s.due_.linked() || s.leaving_.linked()) return;
  if (s.linked()) s.unlink();
  delete &s;
}

// --- the connection ---

void http2_session::ping() {
  std::array<std::uint8_t, 8> opaque{};
  std::uint64_t n = pings_ + 1;
  for (std::uint8_t& b : opaque) {
    b = static_cast<std::uint8_t>(n);
    n >>= 8;
  }
  if (deaf_ || failed_) return;
  throw_if_no_memory(nghttp2_submit_ping(native_.get(), NGHTTP2_FLAG_NONE, opaque.data()));
  ++pings_;
  output.set();
}

void http2_session::announce_shutdown() {
  if (deaf_ || failed_) return;
  throw_if_no_memory(nghttp2_submit_shutdown_notice(native_.get()));
  output.set();
}

void http2_session::limit_streams(std::uint32_t n) {
  if (deaf_ || failed_) return;
  const nghttp2_settings_entry entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, n};
  throw_if_no_memory(nghttp2_submit_settings(native_.get(), NGHTTP2_FLAG_NONE, &entry, 1));
  output.set();
}

void http2_session::shut_down() {
  if (deaf_ || failed_) return;
  throw_if_no_memory(nghttp2_submit_goaway(native_.get(), NGHTTP2_FLAG_NONE,
                                           nghttp2_session_get_last_proc_stream_id(native_.get()),
                                           NGHTTP2_NO_ERROR, nullptr, 0));
  output.set();
}

}  // namespace rondo::http::detail
