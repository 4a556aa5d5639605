#include <rondo/http/http2/session.hpp>
#include <rondo/http/wire/ascii.hpp>

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cstring>
#include <limits>
#include <new>
#include <stdexcept>
#include <vector>

// libnghttp2 has them since 1.57 and 1.61, and Debian's 1.52 too: where they are missing, our own
// limits hold alone.
extern "C" {
[[gnu::weak]] void nghttp2_option_set_stream_reset_rate_limit(nghttp2_option*, std::uint64_t,
                                                              std::uint64_t);
[[gnu::weak]] void nghttp2_option_set_max_continuations(nghttp2_option*, std::size_t);
}

namespace rondo::http::detail {
namespace {

// One write is of 16 to 64 KiB, where there is so much.
constexpr std::size_t enough_for_a_write = 64 * 1024 - 16 * 1024;
// Of what goes out, what is kept while nothing does.
constexpr std::size_t most_kept_of_output = 512;
// Frames that libnghttp2 has in line: answers that the peer does not take.
constexpr std::size_t most_queued_frames = 4000;
constexpr std::uint32_t most_continuations = 8;
constexpr std::size_t most_interim = 16;
// A stream's credit goes back in so many parts of its window.
constexpr std::uint32_t credits_in_a_window = 32;
constexpr std::size_t frame_head_bytes = 9;
constexpr std::uint32_t priority_bytes = 5;
// RFC 9113, section 6.5.2: what a field counts beside its bytes.
constexpr std::size_t field_overhead = 32;
// Bytes beyond which seven in eight may not be useless.
constexpr std::uint64_t most_useless = std::uint64_t{1} << 20;
// RFC 9113, section 3.4.
constexpr std::uint32_t client_preface_bytes = 24;
// So many times the limit of a head is decoded and thrown away; more ends the connection.
constexpr std::uint64_t patience_with_heads = 16;

void throw_if_no_memory(int result) {
  if (result == NGHTTP2_ERR_NOMEM) throw std::bad_alloc();
}

// Names and values as libnghttp2 wants them. It copies what is not of a constant.
class field_vector {
 public:
  explicit field_vector(std::size_t fields) { entries_.reserve(fields + 5); }

  void add(std::string_view name, std::string_view value) {
    entries_.push_back(
        {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  // Names go in lower case (RFC 9113, section 8.2.1).
  void add(const http::headers& fields) {
    std::size_t size = 0;
    for (const auto& [name, value] : fields) size += name.size();
    names_.reserve(size);
    for (const auto& [name, value] : fields) {
      const std::size_t begin = names_.size();
      for (const char c : name) names_ += to_lower(c);
      add(std::string_view(names_).substr(begin), value);
    }
  }
  const nghttp2_nv* data() const noexcept { return entries_.data(); }
  std::size_t size() const noexcept { return entries_.size(); }

 private:
  static std::uint8_t* bytes(std::string_view text) noexcept {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  }

  std::vector<nghttp2_nv> entries_;
  std::string names_;
};

// What stands before each block of libnghttp2's.
struct alignas(std::max_align_t) native_block : rondo::detail::list_node {
  std::size_t size = 0;

  void* bytes() noexcept { return this + 1; }
  static native_block& of(void* p) noexcept { return *(static_cast<native_block*>(p) - 1); }
};

void* native_malloc(std::size_t size, void* user) {
  auto& memory = *static_cast<http2_memory*>(user);
  void* const raw = ::operator new(sizeof(native_block) + size, std::nothrow);
  if (raw == nullptr) {
    memory.ran_out = true;
    return nullptr;
  }
  auto* const block = new (raw) native_block;
  block->size = size;
  memory.blocks.push_back(*block);
  return block->bytes();
}
void native_free(void* p, void* /*user*/) {
  if (p == nullptr) return;
  native_block& block = native_block::of(p);
  block.unlink();
  ::operator delete(&block);
}
void* native_calloc(std::size_t count, std::size_t size, void* user) {
  void* const p = native_malloc(count * size, user);
  if (p != nullptr) std::memset(p, 0, count * size);
  return p;
}
void* native_realloc(void* p, std::size_t size, void* user) {
  void* const grown = native_malloc(size, user);
  if (p == nullptr || grown == nullptr) return grown;
  std::memcpy(grown, p, std::min(native_block::of(p).size, size));
  native_free(p, user);
  return grown;
}

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) noexcept {
  return {reinterpret_cast<const char*>(bytes), size};
}

http2_code code_of(std::uint32_t n) noexcept { return static_cast<http2_code>(n); }

}  // namespace

// What libnghttp2 calls back. Nothing here throws, and nothing is sent or resumed.
struct http2_hooks {
  static http2_session& of(void* user) noexcept { return *static_cast<http2_session*>(user); }
  static http2_stream* stream_of(nghttp2_session* native, std::int32_t id) noexcept {
    return static_cast<http2_stream*>(nghttp2_session_get_stream_user_data(native, id));
  }
  static int out_of_memory(http2_session& s) noexcept {
    s.no_memory_ = true;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  // --- what comes ---

  static int begin_headers(nghttp2_session* native, const nghttp2_frame* frame, void* user) {
    http2_session& s = of(user);
    if (s.failed_) return 0;
    if (http2_stream* const known = stream_of(native, frame->hd.stream_id)) {
      known->head_size_ = 0;
      return 0;
    }
    if (s.role_ != http2_role::server || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    auto* const stream = new (std::nothrow) http2_stream(s);
    if (stream == nullptr) return out_of_memory(s);
    stream->id_ = frame->hd.stream_id;
    nghttp2_session_set_stream_user_data(native, stream->id_, stream);
    s.streams_.push_back(*stream);
    ++s.places_;
    return 0;
  }

  static int header(nghttp2_session* native, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t /*flags*/, void* user) {
    http2_session& s = of(user);
    http2_stream* const stream = stream_of(native, frame->hd.stream_id);
    if (stream == nullptr || s.failed_ || stream->closed_) return 0;
    const std::uint64_t size = stream->head_size_ + name_size + value_size + field_overhead;
    if (size > s.settings_.head_bytes * patience_with_heads) {
      s.fail(http2_code::enhance_your_calm);
      return 0;
    }
    stream->head_size_ = static_cast<std::uint32_t>(size);
    http::headers& fields = stream->head_came_ ? stream->trailers_ : stream->head_.fields;
    if (size > s.settings_.head_bytes || fields.size() >= s.settings_.fields) {
      stream->head_too_large_ = true;
      return 0;
    }
    try {
      const std::string_view n = text_of(name, name_size);
      const std::string_view v = text_of(value, value_size);
      if (n.starts_with(':'))
        take_pseudo(stream->head_, n, v);
      else
        fields.add(n, v);
    } catch (const std::bad_alloc&) {
      return out_of_memory(s);
    } catch (const std::invalid_argument&) {
      nghttp2_submit_rst_stream(native, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                NGHTTP2_PROTOCOL_ERROR);
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    return 0;
  }

  static void take_pseudo(http2_head& h, std::string_view name, std::string_view value) {
    if (name == ":method") h.method = value;
    if (name == ":scheme") h.scheme = value;
    if (name == ":authority") h.authority = value;
    if (name == ":path") h.path = value;
    if (name == ":protocol") h.protocol = value;
    if (name == ":status") std::from_chars(value.data(), value.data() + value.size(), h.status);
  }

  // libnghttp2 would leave the field out.
  static int invalid_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*,
                            std::size_t, const std::uint8_t*, std::size_t, std::uint8_t, void*) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int frame_came(nghttp2_session* native, const nghttp2_frame* frame, void* user) {
    http2_session& s = of(user);
    if (s.failed_) return 0;
    http2_stream* const stream =
        frame->hd.stream_id == 0 ? nullptr : stream_of(native, frame->hd.stream_id);
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        if (stream == nullptr || stream->closed_) return 0;
        try {
          head_ended(s, *stream);
        } catch (const std::bad_alloc&) {
          return out_of_memory(s);
        }
        [[fallthrough]];
      case NGHTTP2_DATA:
        if (stream == nullptr || stream->closed_) return 0;
        if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) stream->in_ended_ = true;
        stream->incoming.set();
        return 0;
      case NGHTTP2_RST_STREAM:
        if (stream == nullptr) return 0;
        stream->reset_came_ = true;
        if (!stream->end_sent_ && !s.resets_.take(s.now_)) s.fail(http2_code::enhance_your_calm);
        return 0;
      case NGHTTP2_SETTINGS:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
          s.settings_acknowledged_ = true;
        else
          s.settings_came_ = true;
        s.changed.set();
        return 0;
      case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 && s.pongs_ < s.pings_) {
          ++s.pongs_;
          s.pong_came.set();
          s.changed.set();
        }
        return 0;
      case NGHTTP2_GOAWAY:
        s.goaway_came_ = true;
        s.last_answered_ = frame->goaway.last_stream_id;
        s.goaway_code_ = code_of(frame->goaway.error_code);
        s.changed.set();
        return 0;
      default: return 0;
    }
  }

  static void head_ended(http2_session& s, http2_stream& stream) {
    if (stream.head_came_) return;  // these were trailers
    const bool interim = s.role_ == http2_role::client && stream.head_.status / 100 == 1;
    if (interim) {
      if (stream.interim_.size() >= most_interim) {
        stream.reset(http2_code::enhance_your_calm);
        return;
      }
      stream.interim_.push_back(std::exchange(stream.head_, {}));
      return;
    }
    stream.head_came_ = true;
    if (s.role_ == http2_role::client) return;
    stream.held_by_ref_ = true;  // the line holds it
    s.arrived_.push_back(stream.arrived_);
    ++s.arrived_count_;
    s.changed.set();
  }

  static int data_came(nghttp2_session* native, std::uint8_t /*flags*/, std::int32_t id,
                       const std::uint8_t* data, std::size_t size, void* user) {
    http2_session& s = of(user);
    if (s.role_ == http2_role::server) s.useful_ += size;
    http2_stream* const stream = stream_of(native, id);
    if (stream == nullptr || stream->closed_ || stream->abandoned_ || s.failed_) {
      s.give_credit(size);
      return 0;
    }
    try {
      stream->body_.append(reinterpret_cast<const char*>(data), size);
    } catch (const std::bad_alloc&) {
      return out_of_memory(s);
    }
    s.buffered_ += size;
    if (s.buffered_ <= s.settings_.buffered)
      s.give_credit(size);
    else
      stream->held_ += size;
    stream->incoming.set();
    return 0;
  }

  static int stream_closed(nghttp2_session* native, std::int32_t id, std::uint32_t code,
                           void* user) {
    http2_session& s = of(user);
    http2_stream* const stream = stream_of(native, id);
    if (stream == nullptr) return 0;
    nghttp2_session_set_stream_user_data(native, id, nullptr);
    stream->open_ = false;
    const bool by_peer = stream->reset_came_ || (!s.writing_ && s.goaway_came_);
    s.leave_place(*stream);
    s.conclude(*stream, code_of(code), by_peer);
    http2_session::release(*stream);
    return 0;
  }

  // --- what goes ---

  static ssize_t read_body(nghttp2_session* native, std::int32_t id, std::uint8_t* /*buffer*/,
                           std::size_t length, std::uint32_t* flags, nghttp2_data_source* source,
                           void* user) {
    http2_session& s = of(user);
    auto& stream = *static_cast<http2_stream*>(source->ptr);
    const std::size_t there = stream.out_size();
    if (there == 0 && !stream.out_ended_) {
      stream.deferred_ = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    const std::size_t n = std::min(length, there);
    if (n < there || !stream.out_ended_) return static_cast<ssize_t>(n);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream.out_trailers_.empty()) return static_cast<ssize_t>(n);
    try {
      field_vector fields(stream.out_trailers_.size());
      fields.add(stream.out_trailers_);
      const int result = nghttp2_submit_trailer(native, id, fields.data(), fields.size());
      if (result == NGHTTP2_ERR_NOMEM) return out_of_memory(s);
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    } catch (const std::bad_alloc&) {
      return out_of_memory(s);
    }
    return static_cast<ssize_t>(n);
  }

  static int send_data(nghttp2_session*, nghttp2_frame* /*frame*/, const std::uint8_t* head,
                       std::size_t length, nghttp2_data_source* source, void* user) {
    http2_session& s = of(user);
    auto& stream = *static_cast<http2_stream*>(source->ptr);
    assert(length <= stream.out_size());
    try {
      s.out_ += text_of(head, frame_head_bytes);
      s.out_.append(stream.out_, stream.out_begin_, length);
    } catch (const std::bad_alloc&) {
      return out_of_memory(s);
    }
    s.useful_ += length;
    stream.moved_ += length;
    stream.out_begin_ += length;
    if (stream.out_begin_ == stream.out_.size()) {
      stream.out_.clear();
      stream.out_begin_ = 0;
    }
    stream.outgoing.set();
    if (s.out_.size() < enough_for_a_write) return 0;
    s.full_ = true;
    return NGHTTP2_ERR_PAUSE;
  }

  static int before_send(nghttp2_session* native, const nghttp2_frame* frame, void* user) {
    http2_session& s = of(user);
    if (frame->hd.type != NGHTTP2_RST_STREAM || s.failed_) return 0;
    const http2_stream* const stream = stream_of(native, frame->hd.stream_id);
    if (stream != nullptr && stream->reset_ours_) return 0;
    if (!s.faults_.take(s.now_)) s.fail(http2_code::enhance_your_calm);
    return 0;
  }

  static int frame_sent(nghttp2_session* native, const nghttp2_frame* frame, void* user) {
    http2_session& s = of(user);
    const nghttp2_frame_hd& hd = frame->hd;
    if (s.observer_) s.observer_->frame({true, hd.type, hd.flags, hd.stream_id, hd.length});
    // Its own verdict, when what came before the rule that we saw broken was wrong already.
    if (hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) {
      s.failed_ = s.verdict_told_ = true;
      s.failure_ = code_of(frame->goaway.error_code);
    }
    if (hd.type == NGHTTP2_HEADERS) s.useful_ += hd.length;
    if (hd.type != NGHTTP2_HEADERS && hd.type != NGHTTP2_DATA) return 0;
    if ((hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    http2_stream* const stream = stream_of(native, hd.stream_id);
    if (stream == nullptr) return 0;
    stream->end_sent_ = true;
    stream->outgoing.set();
    if (stream->abandoned_ && !stream->in_ended_) stream->reset(http2_code::no_error);
    return 0;
  }

  // --- sessions ---

  struct callbacks_delete {
    void operator()(nghttp2_session_callbacks* c) const noexcept {
      nghttp2_session_callbacks_del(c);
    }
  };
  struct option_delete {
    void operator()(nghttp2_option* o) const noexcept { nghttp2_option_del(o); }
  };

  static nghttp2_session* make(http2_role role, http2_session& s) {
    nghttp2_session_callbacks* raw_callbacks = nullptr;
    throw_if_no_memory(nghttp2_session_callbacks_new(&raw_callbacks));
    const std::unique_ptr<nghttp2_session_callbacks, callbacks_delete> c(raw_callbacks);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c.get(), begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(c.get(), header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(c.get(), invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c.get(), frame_came);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c.get(), data_came);
    nghttp2_session_callbacks_set_on_stream_close_callback(c.get(), stream_closed);
    nghttp2_session_callbacks_set_send_data_callback(c.get(), send_data);
    nghttp2_session_callbacks_set_before_frame_send_callback(c.get(), before_send);
    nghttp2_session_callbacks_set_on_frame_send_callback(c.get(), frame_sent);
    nghttp2_option* raw_options = nullptr;
    throw_if_no_memory(nghttp2_option_new(&raw_options));
    const std::unique_ptr<nghttp2_option, option_delete> o(raw_options);
    nghttp2_option_set_no_auto_window_update(o.get(), 1);
    nghttp2_option_set_no_closed_streams(o.get(), 1);
    nghttp2_option_set_peer_max_concurrent_streams(o.get(), 100);
    nghttp2_option_set_max_settings(o.get(), 32);
    nghttp2_option_set_max_outbound_ack(o.get(), 1000);
    nghttp2_option_set_builtin_recv_extension_type(o.get(), NGHTTP2_PRIORITY_UPDATE);
    // Ours is finer: it does not count what has been answered.
    if (nghttp2_option_set_stream_reset_rate_limit != nullptr)
      nghttp2_option_set_stream_reset_rate_limit(o.get(), 1'000'000'000, 1'000'000'000);
    // It counts one anew for each piece in which a frame's head comes; we count frames.
    if (nghttp2_option_set_max_continuations != nullptr)
      nghttp2_option_set_max_continuations(o.get(), 1000);
    nghttp2_mem memory{&s.memory_, native_malloc, native_free, native_calloc, native_realloc};
    nghttp2_session* native = nullptr;
    throw_if_no_memory(role == http2_role::server
                           ? nghttp2_session_server_new3(&native, c.get(), &s, o.get(), &memory)
                           : nghttp2_session_client_new3(&native, c.get(), &s, o.get(), &memory));
    return native;
  }
};

http2_memory::~http2_memory() {
  while (rondo::detail::list_node* const b = blocks.pop_front())
    ::operator delete(static_cast<native_block*>(b));
}

// Once it has run out of memory, 1.52 would free twice what it could not put into its queue of
// DATA: the blocks go one by one in its place.
void http2_session::native_delete::operator()(nghttp2_session* s) const noexcept {
  if (!memory->ran_out) nghttp2_session_del(s);
}

http2_session::http2_session(http2_role role, const http2_settings& settings)
    : role_(role),
      settings_(settings),
      native_(http2_hooks::make(role, *this), {&memory_}),
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
      out_ += text_of(bytes, static_cast<std::size_t>(n));
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
  field_vector fields(h.fields.size());
  fields.add(":method", h.method);
  if (!h.scheme.empty()) fields.add(":scheme", h.scheme);
  if (!h.authority.empty()) fields.add(":authority", h.authority);
  if (!h.path.empty()) fields.add(":path", h.path);
  if (!h.protocol.empty()) fields.add(":protocol", h.protocol);
  fields.add(h.fields);
  nghttp2_data_provider body{};
  body.source.ptr = stream;
  body.read_callback = http2_hooks::read_body;
  const std::int32_t id = nghttp2_submit_request(native_.get(), nullptr, fields.data(),
                                                 fields.size(), end ? nullptr : &body, stream);
  throw_if_no_memory(id);
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

// --- one stream ---

std::string http2_stream::take_body(std::size_t most) {
  std::string taken;
  if (body_begin_ == 0 && most >= body_.size()) {
    taken = std::exchange(body_, {});
  } else {
    taken.assign(body_, body_begin_, most);
    body_begin_ += taken.size();
    if (body_begin_ >= body_.size() / 2) {  // each byte moves once at most
      body_.erase(0, body_begin_);
      body_begin_ = 0;
    }
  }
  if (session_ == nullptr || taken.empty()) return taken;
  session_->buffered_ -= taken.size();
  if (const std::size_t n = std::min(held_, taken.size()); n > 0) {
    held_ -= n;
    session_->give_credit(n);
  }
  if (open_ && !in_ended_ && !closed_) {
    credit_ += taken.size();
    session_->mark_due(*this);
  }
  return taken;
}

void http2_stream::send_head(const http2_head& h, bool end) {
  if (closed_ || session_ == nullptr) return;
  assert(!head_said_);
  std::array<char, 3> status{};
  std::to_chars(status.data(), status.data() + status.size(), h.status);
  field_vector fields(h.fields.size());
  fields.add(":status", {status.data(), status.size()});
  fields.add(h.fields);
  nghttp2_session* const native = session_->native_.get();
  if (h.status < 200) {
    throw_if_no_memory(nghttp2_submit_headers(native, NGHTTP2_FLAG_NONE, id_, nullptr,
                                              fields.data(), fields.size(), nullptr));
  } else {
    nghttp2_data_provider body{};
    body.source.ptr = this;
    body.read_callback = http2_hooks::read_body;
    throw_if_no_memory(
        nghttp2_submit_response(native, id_, fields.data(), fields.size(), end ? nullptr : &body));
    head_said_ = true;
    out_ended_ = end;
  }
  session_->output.set();
}

std::size_t http2_stream::write(std::span<const std::byte> bytes) {
  assert(!out_ended_);
  const std::size_t n = std::min(bytes.size(), room());
  if (n == 0 || session_ == nullptr) return 0;
  if (out_begin_ > 0 && out_.size() + n > out_.capacity()) {
    out_.erase(0, out_begin_);
    out_begin_ = 0;
  }
  out_.append(reinterpret_cast<const char*>(bytes.data()), n);
  if (deferred_)
    session_->mark_due(*this);
  else
    session_->output.set();
  return n;
}

void http2_stream::end(http::headers trailers) {
  if (closed_ || out_ended_) return;
  out_trailers_ = std::move(trailers);
  out_ended_ = true;
  if (session_ == nullptr) return;
  if (deferred_)
    session_->mark_due(*this);
  else
    session_->output.set();
}

void http2_stream::reset(http2_code code) noexcept {
  if (closed_ || session_ == nullptr) return;
  owner_ = nullptr;
  reset_due_ = open_;
  session_->conclude(*this, code, false);
  session_->mark_due(*this);
}

void http2_stream_ref::drop() noexcept {
  http2_stream* const s = std::exchange(stream_, nullptr);
  if (s == nullptr) return;
  s->held_by_ref_ = false;
  if (http2_session* const session = s->session_) {
    if (s->unread() > 0) session->forget_body(*s);
    if (!s->closed_) {
      if (!s->out_ended_)
        s->reset(http2_code::cancel);
      else if (!s->end_sent_)
        s->abandoned_ = true;
      else if (!s->in_ended_)
        s->reset(http2_code::no_error);
    }
  }
  http2_session::release(*s);
}

}  // namespace rondo::http::detail
