#include <rondo/http/http2/connection.hpp>
#include <rondo/runtime/as_result.hpp>
#include <rondo/runtime/loop.hpp>

#include <concepts>
#include <new>
#include <utility>

namespace rondo::http::detail {

void http2_connection::lose(std::exception_ptr why) noexcept {
  if (!failure_) failure_ = std::move(why);
  session_.lose();
}

bool http2_connection::take(std::span<const std::byte> bytes) noexcept {
  try {
    session_.receive(bytes, rondo::detail::this_core().now());
    return true;
  } catch (const std::bad_alloc&) {
    lose(std::current_exception());
    return false;
  }
}

task<bool> http2_connection::read_some() {
  return stream_.with([this](auto& stream) { return read_from(stream); });
}

template <class Stream>
task<bool> http2_connection::read_from(Stream& stream) {
  if constexpr (std::same_as<Stream, plain_stream>) {
    const outcome<received_bytes> got = co_await as_result(stream.receive());
    if (got.has_value() && !got.value().empty()) co_return take(got.value().bytes());
    if (!got.has_value() && read_has_expired()) co_return true;
    lose(got.has_error() ? got.error() : nullptr);
  } else {
    if (!buffer_) buffer_ = make_read_buffer();
    const std::span<std::byte> room(buffer_.get(), read_buffer_bytes);
    const outcome<std::size_t> got = co_await as_result(stream.read_some(room));
    if (got.has_value() && got.value() > 0) co_return take(room.first(got.value()));
    if (!got.has_value() && read_has_expired() && stream_.other() == nullptr) co_return true;
    lose(got.has_error() ? got.error() : nullptr);
  }
  co_return false;
}

task<> http2_connection::write() {
  return stream_.with([this](auto& stream) { return write_to(stream); });
}

template <class Stream>
task<> http2_connection::write_to(Stream& stream) {
  // What was cut off in the middle cannot be gone on with.
  struct under_way {
    http2_connection& c;
    explicit under_way(http2_connection& connection) noexcept : c(connection) { c.write_begins(); }
    under_way(const under_way&) = delete;
    under_way& operator=(const under_way&) = delete;
    ~under_way() {
      c.write_ends();
      if (is_unwinding()) c.lose(nullptr);
    }
  };
  while (!session_.is_lost()) {
    session_.output.clear();
    std::span<const std::byte> out;
    try {
      out = session_.unsent();
    } catch (const std::bad_alloc&) {
      lose(std::current_exception());
      break;
    }
    if (out.empty()) {
      if (session_.finished()) break;
      co_await session_.output.wait();
      continue;
    }
    const under_way mine(*this);
    while (!out.empty()) {
      const outcome<std::size_t> n = co_await as_result(stream.write_some(out));
      if (!n.has_value()) {
        lose(n.error());
        co_return;
      }
      write_moved(n.value());
      session_.sent(n.value());
      out = out.subspan(n.value());
    }
  }
  session_.changed.set();
}

}  // namespace rondo::http::detail
