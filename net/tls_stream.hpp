// TLS over any byte stream.
//
//   tcp_stream tcp = co_await tcp_stream::connect("example.org", 443);
//   auto s = co_await tls_stream<tcp_stream>::connect(std::move(tcp), tls_context::client(),
//                                                     "example.org");
//   co_await s.write_all(bytes_of("hello"));
//
// The end of the stream is the peer's close_notify; a transport that ends without it is
// tls_truncated. One reader and one writer at a time, side by side; a second fails with
// io_errc::busy.
//
// Destroyed or closed at rest, a stream tries once, without waiting, to tell the peer close_notify.
// It does not when a failure or a cancellation destroys it, or after a write that was cancelled
// half-way: the peer must not take what it got for the whole.
#pragma once

#include <rondo/net/stream.hpp>
#include <rondo/net/tls/tls_engine.hpp>
#include <rondo/runtime/as_result.hpp>
#include <rondo/runtime/scope.hpp>

#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace rondo::net {

template <byte_stream S>
class tls_stream {
 public:
  // Closed from the start, to be assigned to.
  tls_stream() = default;

  // The client's handshake. `server_name` is the host name, or the IP address, that the server's
  // certificate must be for; a trailing dot is no part of it, and names outside ASCII are given as
  // A-labels. A context that is insecure() sends it and checks nothing; then alone it may be empty.
  // Throws tls_error: tls_certificate_error, tls_alert, tls_handshake_timeout, tls_truncated, …;
  // and what the transport throws. Cancelled: the transport is closed.
  static task<tls_stream> connect(S transport, tls_context context, std::string server_name) {
    co_return co_await shake_hands(std::move(transport), std::move(context), engine::role::client,
                                   std::move(server_name));
  }
  // The server's. Throws and is cancelled as connect.
  static task<tls_stream> accept(S transport, tls_context context) {
    co_return co_await shake_hands(std::move(transport), std::move(context), engine::role::server,
                                   std::string());
  }

  tls_stream(tls_stream&&) noexcept = default;
  tls_stream& operator=(tls_stream&& other) noexcept {
    if (this != &other) {
      part();
      ends_ = std::move(other.ends_);
    }
    return *this;
  }
  ~tls_stream() { part(); }

  // Completes with at least one byte, or 0 when the peer has sent close_notify. Throws
  // tls_truncated, tls_error, what the transport throws, io_errc::busy, io_errc::closed. Cancelled:
  // no byte is lost.
  task<std::size_t> read_some(std::span<std::byte> buffer) { return read(ends_.get(), buffer); }
  // Completes with how many bytes went, at least one. Throws as read_some. Cancelled while a record
  // of it is on its way: the write side is broken.
  task<std::size_t> write_some(std::span<const std::byte> bytes) {
    return write(ends_.get(), bytes, false);
  }
  // Completes when everything has gone to the transport. Cancelled after its first byte was
  // encrypted: the write side is broken (io_errc::write_broken), because nobody can know how much
  // went.
  task<> write_all(std::span<const std::byte> bytes) { return write_it_all(ends_.get(), bytes); }
  // Completes when what try_write() has left has gone to the transport. Throws as write_some.
  // Cancelled: nothing is lost, and it may be called again.
  task<> flush() { return send_what_is_owed(ends_.get()); }
  // Something is left for flush(), or for the next write.
  bool owes() const noexcept {
    return ends_ && !ends_->closed && !ends_->engine.outgoing().empty();
  }
  template <std::convertible_to<std::string_view> Text>
  rondo::detail::refused write_some(const Text&) {
    detail::refuse_text<Text>();
    return {};
  }
  template <std::convertible_to<std::string_view> Text>
  rondo::detail::refused write_all(const Text&) {
    detail::refuse_text<Text>();
    return {};
  }
  // Encrypts and sends what fits without waiting, while no other write is under way: how many bytes
  // are on their way. What the transport does not take at once of their records goes with the next
  // write. 0 where the transport cannot send without waiting, or something is still owed to it.
  std::size_t try_write(std::span<const std::byte> bytes) noexcept {
    if constexpr (requires(S& s, std::span<const std::byte> b) { s.try_write(b); }) {
      if (!ends_ || ends_->closed || ends_->writing || ends_->write_broken || bytes.empty() ||
          ends_->engine.closing())
        return 0;
      if (!send_outgoing_now()) return 0;
      try {
        const std::size_t n = ends_->engine.write(bytes);
        (void)send_outgoing_now();
        return n;
      } catch (...) {  // the next write meets it, and says so
        return 0;
      }
    } else {
      return 0;
    }
  }
  // Sends close_notify; the transport's own direction stays open. Cancelled: may be called again.
  task<> shutdown_write() { return finish(ends_.get()); }
  // As the transport's: its end, and not close_notify, which stands in the stream to be read.
  task<hang_up> gone(hang_up least = hang_up::half)
    requires requires(S& s) { s.gone(least); }
  {
    return wait_until_gone(ends_.get(), least);
  }
  // At once. Whoever reads or writes ends with io_errc::closed.
  void close() noexcept {
    if (!ends_) return;
    say_goodbye();
    ends_->closed = true;
    ends_->transport.close();
  }
  // The same without a goodbye: the peer sees tls_truncated. For whoever could not finish what he
  // was sending.
  void abort() noexcept {
    if (!ends_) return;
    ends_->closed = true;
    ends_->transport.close();
  }
  bool is_open() const noexcept { return ends_ && !ends_->closed; }

  // What was agreed on: "TLSv1.3", "TLS_AES_256_GCM_SHA384", the ALPN protocol or nothing.
  std::string_view protocol() const noexcept { return ends_->engine.protocol(); }
  std::string_view cipher() const noexcept { return ends_->engine.cipher(); }
  std::string_view alpn() const noexcept { return ends_->engine.alpn(); }
  // The name that the client asked for (SNI), on both ends; empty for an IP address.
  std::string_view server_name() const noexcept { return ends_->engine.server_name(); }
  // An earlier session was taken up: no certificate travelled.
  bool resumed() const noexcept { return ends_->engine.resumed(); }
  // The peer's certificate: its subject (RFC 2253) and itself in DER; empty when it gave none.
  std::string peer_subject() const { return ends_->engine.peer_subject(); }
  std::vector<std::byte> peer_certificate() const { return ends_->engine.peer_certificate(); }

  // True when a read may not wait.
  bool readable_now() const noexcept
    requires requires(const S& s) { s.readable_now(); }
  {
    return !ends_ || ends_->engine.has_input() || ends_->transport.readable_now();
  }
  // The stream below. What is read from it or written to it is lost to this one.
  S& transport() noexcept { return ends_->transport; }
  const S& transport() const noexcept { return ends_->transport; }

 private:
  using engine = detail::tls_engine;

  struct ends {
    ends(S t, const tls_context& context, engine::role r, std::string_view name)
        : transport(std::move(t)), engine(context, r, name) {}
    S transport;
    detail::tls_engine engine;
    bool reading = false;
    bool writing = false;
    bool write_broken = false;
    bool closed = false;
  };

  // One direction, taken for the length of a call.
  class turn {
   public:
    turn(ends* e, bool ends::* direction) : taken_(nullptr) {
      if (!e || e->closed) throw std::system_error(io_errc::closed, "tls");
      if (e->*direction) throw std::system_error(io_errc::busy, "tls");
      taken_ = &(e->*direction);
      *taken_ = true;
    }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() { *taken_ = false; }

   private:
    bool* taken_;
  };
  // A cancelled write does not know how much of it went.
  struct breaks_when_cancelled {
    ends& e;
    ~breaks_when_cancelled() {
      if (is_unwinding()) e.write_broken = true;
    }
  };

  explicit tls_stream(std::unique_ptr<ends> e) noexcept : ends_(std::move(e)) {}

  static task<tls_stream> shake_hands(S transport, tls_context context, engine::role r,
                                      std::string name) {
    auto e = std::make_unique<ends>(std::move(transport), context, r, name);
    const rondo::detail::nanoseconds limit = e->engine.handshake_timeout();
    if (limit <= limit.zero())
      co_await handshake(*e);
    else if (!co_await try_for(limit, handshake(*e)))
      throw tls_handshake_timeout(e->engine.peer());
    co_return tls_stream(std::move(e));
  }

  static task<> handshake(ends& e) {
    for (bool done = false;;) {
      std::exception_ptr failed;
      try {
        done = e.engine.handshake();
      } catch (const tls_error&) {
        failed = std::current_exception();
      }
      if (failed) {
        // The alert that tells the peer why; if it cannot go, our own reason still counts.
        (void)co_await as_result(send_outgoing(e));
        std::rethrow_exception(failed);
      }
      co_await send_outgoing(e);
      if (done) co_return;
      co_await receive(e, {});
    }
  }

  static task<> send_outgoing(ends& e) {
    for (;;) {
      const std::span<const std::byte> out = e.engine.outgoing();
      if (out.empty()) co_return;
      e.engine.sent(co_await e.transport.write_some(out));
    }
  }

  static task<> receive(ends& e, std::span<std::byte> out) {
    const std::size_t n = co_await e.transport.read_some(e.engine.landing(out));
    if (n == 0)
      e.engine.transport_ended();
    else
      e.engine.arrived(n);
  }

  static task<std::size_t> read(ends* e, std::span<std::byte> buffer) {
    const turn mine(e, &ends::reading);
    if (buffer.empty()) co_return 0;
    for (;;) {
      if (const std::optional<std::size_t> n = e->engine.read(buffer)) co_return *n;
      co_await receive(*e, buffer);
    }
  }

  static void check_writable(const ends& e) {
    if (e.write_broken) throw std::system_error(io_errc::write_broken, "tls write");
    if (e.engine.closing())
      throw std::system_error(std::make_error_code(std::errc::broken_pipe), "tls write");
  }

  static task<std::size_t> write(ends* e, std::span<const std::byte> bytes, bool all) {
    const turn mine(e, &ends::writing);
    check_writable(*e);
    co_await send_outgoing(
        *e);  // what is owed goes first, and nothing of ours is lost by stopping here
    std::size_t gone = 0;
    const breaks_when_cancelled guard{*e};
    while (gone < bytes.size() && (all || gone == 0)) {
      gone += e->engine.write(bytes.subspan(gone));
      co_await send_outgoing(*e);
    }
    co_return gone;
  }

  static task<> send_what_is_owed(ends* e) {
    const turn mine(e, &ends::writing);
    check_writable(*e);
    co_await send_outgoing(*e);
  }

  // Of the ends and not of the stream, which may be moved before the task begins.
  static task<> write_it_all(ends* e, std::span<const std::byte> bytes) {
    co_await write(e, bytes, true);
  }

  static task<> finish(ends* e) {
    const turn mine(e, &ends::writing);
    if (e->write_broken) throw std::system_error(io_errc::write_broken, "tls shutdown");
    e->engine.close_notify();
    co_await send_outgoing(*e);
  }

  static task<hang_up> wait_until_gone(ends* e, hang_up least) {
    if (!e || e->closed) throw std::system_error(io_errc::closed, "tls");
    co_return co_await e->transport.gone(least);
  }

  void part() noexcept {
    if (ends_ && !is_unwinding() && std::uncaught_exceptions() == 0) say_goodbye();
    ends_.reset();
  }

  void say_goodbye() noexcept {
    if constexpr (requires(S& s, std::span<const std::byte> b) { s.try_write(b); }) {
      ends& e = *ends_;
      if (e.closed || e.reading || e.writing || e.write_broken) return;
      e.engine.close_notify();
      (void)send_outgoing_now();
    }
  }

  // False: the transport does not take all of it now.
  bool send_outgoing_now() noexcept {
    ends& e = *ends_;
    for (std::span<const std::byte> out; !(out = e.engine.outgoing()).empty();) {
      const std::size_t n = e.transport.try_write(out);
      e.engine.sent(n);
      if (n < out.size()) return false;
    }
    return true;
  }

  std::unique_ptr<ends> ends_;
};

}  // namespace rondo::net
