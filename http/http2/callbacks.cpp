#include <rondo/http/http2/session.hpp>

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
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

constexpr std::size_t most_interim = 16;
// RFC 9113, section 6.5.2: what a field counts beside its bytes.
constexpr std::size_t field_overhead = 32;
// So many times the limit of a head is decoded and thrown away; more ends the connection.
constexpr std::uint64_t patience_with_heads = 16;

// Names, which are in lower case, and values as libnghttp2 wants them. It copies what it is given.
class field_vector {
 public:
  explicit field_vector(std::size_t fields) {
    if (fields + most_pseudo_fields > few_.size()) many_.reserve(fields + most_pseudo_fields);
  }

  void add(std::string_view name, std::string_view value) {
    const nghttp2_nv entry{bytes(name), bytes(value), name.size(), value.size(),
                           NGHTTP2_NV_FLAG_NONE};
    if (many_.capacity() > 0)
      many_.push_back(entry);
    else
      few_[count_++] = entry;
  }
  void add(const http::headers& fields) {
    for (const auto& [name, value] : fields) add(name, value);
  }
  const nghttp2_nv* data() const noexcept {
    return many_.capacity() > 0 ? many_.data() : few_.data();
  }
  std::size_t size() const noexcept { return many_.capacity() > 0 ? many_.size() : count_; }

 private:
  static std::uint8_t* bytes(std::string_view text) noexcept {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  }

  static constexpr std::size_t most_pseudo_fields = 5;

  std::array<nghttp2_nv, 24> few_;
  std::size_t count_ = 0;  // of few_
  std::vector<nghttp2_nv> many_;
};

std::string_view text_of(const std::uint8_t* bytes, std::size_t size) noexcept {
  return {reinterpret_cast<const char*>(bytes), size};
}

http2_code code_of(std::uint32_t n) noexcept { return static_cast<http2_code>(n); }

}  // namespace

void throw_if_no_memory(int result) {
  if (result == NGHTTP2_ERR_NOMEM) throw std::bad_alloc();
}

// What libnghttp2 calls back. Nothing here throws, and nothing is sent or resumed.
struct http2_callbacks {
  static http2_session& of(void* user) noexcept { return *static_cast<http2_session*>(user); }
  // Callbacks come in rows for one stream: the latest is not looked up again.
  static http2_stream* stream_of(http2_session& s, std::int32_t id) noexcept {
    if (s.latest_ != nullptr && s.latest_->id_ == id) return s.latest_;
    auto* const found =
        static_cast<http2_stream*>(nghttp2_session_get_stream_user_data(s.native_.get(), id));
    if (found != nullptr) s.latest_ = found;
    return found;
  }
  static int out_of_memory(http2_session& s) noexcept {
    s.no_memory_ = true;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  // --- what comes ---

  static int begin_headers(nghttp2_session* native, const nghttp2_frame* frame, void* user) {
    http2_session& s = of(user);
    if (s.failed_) return 0;
    if (http2_stream* const known = stream_of(s, frame->hd.stream_id)) {
      known->head_size_ = 0;
      return 0;
    }
    if (s.role_ != http2_role::server || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    http2_stream* stream = nullptr;
    try {
      stream = new http2_stream(s);
    } catch (const std::bad_alloc&) {
      return out_of_memory(s);
    }
    stream->id_ = frame->hd.stream_id;
    nghttp2_session_set_stream_user_data(native, stream->id_, stream);
    s.latest_ = stream;
    s.streams_.push_back(*stream);
    ++s.places_;
    return 0;
  }

  static int header(nghttp2_session* native, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t /*flags*/, void* user) {
    http2_session& s = of(user);
    http2_stream* const stream = stream_of(s, frame->hd.stream_id);
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

  static int frame_came(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    http2_session& s = of(user);
    if (s.failed_) return 0;
    http2_stream* const stream =
        frame->hd.stream_id == 0 ? nullptr : stream_of(s, frame->hd.stream_id);
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

  static int data_came(nghttp2_session*, std::uint8_t /*flags*/, std::int32_t id,
                       const std::uint8_t* data, std::size_t size, void* user) {
    http2_session& s = of(user);
    if (s.role_ == http2_role::server) s.useful_ += size;
    http2_stream* const stream = stream_of(s, id);
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
    http2_stream* const stream = stream_of(s, id);
    if (stream == nullptr) return 0;
    nghttp2_session_set_stream_user_data(native, id, nullptr);
    s.latest_ = nullptr;
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

  static nghttp2_data_provider body_of(http2_stream& s) noexcept {
    nghttp2_data_provider body{};
    body.source.ptr = &s;
    body.read_callback = read_body;
    return body;
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

  static int before_send(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    http2_session& s = of(user);
    if (frame->hd.type != NGHTTP2_RST_STREAM || s.failed_) return 0;
    const http2_stream* const stream = stream_of(s, frame->hd.stream_id);
    if (stream != nullptr && stream->reset_ours_) return 0;
    if (!s.faults_.take(s.now_)) s.fail(http2_code::enhance_your_calm);
    return 0;
  }

  static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
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
    http2_stream* const stream = stream_of(s, hd.stream_id);
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
    nghttp2_mem memory{&s.memory_, http2_memory::allocate, http2_memory::release,
                       http2_memory::allocate_zeroed, http2_memory::reallocate};
    nghttp2_session* native = nullptr;
    throw_if_no_memory(role == http2_role::server
                           ? nghttp2_session_server_new3(&native, c.get(), &s, o.get(), &memory)
                           : nghttp2_session_client_new3(&native, c.get(), &s, o.get(), &memory));
    return native;
  }
};

nghttp2_session* make_native(http2_role role, http2_session& s) {
  return http2_callbacks::make(role, s);
}

std::int32_t submit_request(nghttp2_session* native, const http2_head& h, http2_stream& of,
                            bool end) {
  field_vector fields(h.fields.size());
  fields.add(":method", h.method);
  if (!h.scheme.empty()) fields.add(":scheme", h.scheme);
  if (!h.authority.empty()) fields.add(":authority", h.authority);
  if (!h.path.empty()) fields.add(":path", h.path);
  if (!h.protocol.empty()) fields.add(":protocol", h.protocol);
  fields.add(h.fields);
  nghttp2_data_provider body = http2_callbacks::body_of(of);
  const std::int32_t id = nghttp2_submit_request(native, nullptr, fields.data(), fields.size(),
                                                 end ? nullptr : &body, &of);
  throw_if_no_memory(id);
  return id;
}

void submit_response(nghttp2_session* native, const http2_head& h, http2_stream& of, bool end) {
  std::array<char, 3> status{};
  std::to_chars(status.data(), status.data() + status.size(), h.status);
  field_vector fields(h.fields.size());
  fields.add(":status", {status.data(), status.size()});
  fields.add(h.fields);
  if (h.status < 200) {
    throw_if_no_memory(nghttp2_submit_headers(native, NGHTTP2_FLAG_NONE, of.id(), nullptr,
                                              fields.data(), fields.size(), nullptr));
    return;
  }
  nghttp2_data_provider body = http2_callbacks::body_of(of);
  throw_if_no_memory(nghttp2_submit_response(native, of.id(), fields.data(), fields.size(),
                                             end ? nullptr : &body));
}

}  // namespace rondo::http::detail
