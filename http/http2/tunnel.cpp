#include <rondo/http/http2/tunnel.hpp>
#include <rondo/runtime/io_errors.hpp>

#include <exception>
#include <new>
#include <string>
#include <system_error>

namespace rondo::http::detail {
namespace {

// One reader, or one writer, at a time.
class tunnel_turn {
 public:
  tunnel_turn(bool& taken, const char* what) : taken_(taken) {
    if (taken) throw std::system_error(io_errc::busy, what);
    taken = true;
  }
  tunnel_turn(const tunnel_turn&) = delete;
  tunnel_turn& operator=(const tunnel_turn&) = delete;
  ~tunnel_turn() { taken_ = false; }

 private:
  bool& taken_;
};

[[noreturn]] void throw_closed(const char* what) { throw std::system_error(io_errc::closed, what); }

[[noreturn]] void throw_reset(const http2_stream& s) {
  throw std::system_error(std::make_error_code(std::errc::connection_reset),
                          s.lost() ? std::string("HTTP/2 connection")
                                   : "HTTP/2 stream: " + std::string(to_string(s.code())));
}

}  // namespace

http2_tunnel::~http2_tunnel() {
  if (is_unwinding() || std::uncaught_exceptions() > 0)
    abort();
  else
    close();
}

task<std::size_t> http2_tunnel::read(std::shared_ptr<shared> s, std::span<std::byte> buffer) {
  if (!s) throw_closed("read");
  const tunnel_turn mine(s->reading, "read");
  http2_stream& stream = *s->stream;
  for (;;) {
    if (s->closed) throw_closed("read");
    if (buffer.empty()) co_return 0;
    if (const std::size_t n = stream.take_body(buffer); n > 0) co_return n;
    if (stream.in_ended()) co_return 0;
    if (stream.closed()) throw_reset(stream);
    stream.incoming.clear();
    co_await stream.incoming.wait();
  }
}

task<std::size_t> http2_tunnel::write(std::shared_ptr<shared> s, std::span<const std::byte> bytes) {
  if (!s) throw_closed("write");
  const tunnel_turn mine(s->writing, "write");
  http2_stream& stream = *s->stream;
  for (;;) {
    if (s->closed) throw_closed("write");
    if (stream.closed()) throw_reset(stream);
    if (stream.out_ended())
      throw std::system_error(std::make_error_code(std::errc::broken_pipe), "write");
    if (bytes.empty()) co_return 0;
    if (const std::size_t n = stream.write(bytes); n > 0) co_return n;
    stream.outgoing.clear();
    co_await stream.outgoing.wait();
  }
}

task<> http2_tunnel::write_all(std::span<const std::byte> bytes) {
  while (!bytes.empty()) bytes = bytes.subspan(co_await write(shared_, bytes));
}

task<> http2_tunnel::shutdown_write() {
  if (!shared_) throw_closed("shutdown");
  shared_->stream->end();
  co_return;
}

std::size_t http2_tunnel::try_write(std::span<const std::byte> bytes) noexcept {
  if (!shared_ || shared_->writing || shared_->stream->room() == 0) return 0;
  try {
    return shared_->stream->write(bytes);
  } catch (const std::bad_alloc&) {
    return 0;
  }
}

bool http2_tunnel::readable_now() const noexcept {
  if (!shared_) return true;
  const http2_stream& s = *shared_->stream;
  return s.unread() > 0 || s.in_ended() || s.closed();
}

// Whoever waits for the stream finds it closed.
void http2_tunnel::close() noexcept {
  const std::shared_ptr<shared> s = std::move(shared_);
  if (!s) return;
  s->closed = true;
  if (!s->stream->out_ended()) s->stream->end();
  s->stream->incoming.set();
  s->stream->outgoing.set();
}

void http2_tunnel::abort() noexcept {
  if (shared_) shared_->stream->reset(http2_code::cancel);
  close();
}

}  // namespace rondo::http::detail
