// One end of a TLS connection as a machine without I/O: ciphertext in, ciphertext out, plaintext in
// and out. tls_stream moves the bytes. Internal.
//
// Memory: an engine at rest holds OpenSSL's connection and nothing else. Ciphertext is read into
// the caller's own buffer where that is safe, OpenSSL's buffers are released when they are empty,
// and so are ours.
#pragma once

#include <rondo/net/tls_context.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct ssl_st;

namespace rondo::net::detail {

class tls_engine {
 public:
  enum class role : std::uint8_t { client, server };

  // Throws tls_config_error: no context, one of the other role, or a name that nobody can have.
  tls_engine(const tls_context& context, role r, std::string_view server_name);
  tls_engine(const tls_engine&) = delete;
  tls_engine& operator=(const tls_engine&) = delete;
  ~tls_engine();

  // True: done. False: it needs more ciphertext. What is outgoing must be sent in any case, also
  // when it throws: tls_error.
  bool handshake();
  // Decrypts into `out`, which is not empty: how much, 0 after close_notify, nothing when it needs
  // more ciphertext. Throws tls_error, and the same again whenever it is called afterwards.
  std::optional<std::size_t> read(std::span<std::byte> out);
  // Encrypts as much as one round sends. Throws tls_error.
  std::size_t write(std::span<const std::byte> plain);
  // The last that goes out. Nothing if the handshake is not over, the connection has failed, or it
  // has gone.
  void close_notify() noexcept;

  // Where ciphertext that is to be read should go; `out` is where its plaintext will.
  std::span<std::byte> landing(std::span<std::byte> out);
  // So much of it has come.
  void arrived(std::size_t n) noexcept;
  // The transport has ended. Throws tls_truncated, unless the peer had sent close_notify.
  void transport_ended();

  // Ciphertext that must be sent before anything else; where it stands until it has been.
  std::span<const std::byte> outgoing() noexcept;
  void sent(std::size_t n) noexcept { sent_ += n; }
  bool closing() const noexcept { return close_sent_; }
  // Decrypted or half-received bytes are there: a read may not wait.
  bool has_input() const noexcept;

  rondo::detail::nanoseconds handshake_timeout() const noexcept;
  std::string_view protocol() const noexcept;  // "TLSv1.3"
  std::string_view cipher() const noexcept;    // "TLS_AES_256_GCM_SHA384"
  std::string_view alpn() const noexcept;      // empty: none was agreed on
  std::string_view server_name() const noexcept;
  bool resumed() const noexcept;
  std::string peer_subject() const;                 // RFC 2253; empty: the peer gave no certificate
  std::vector<std::byte> peer_certificate() const;  // DER
  const std::string& peer() const noexcept { return peer_; }

 private:
  friend struct tls_hooks;  // what OpenSSL calls back

  struct ssl_free {
    void operator()(ssl_st* s) const noexcept;
  };

  void set_peer(std::string_view name);
  void check_peer();
  void refuse_idle_talk();
  [[noreturn]] void fail(std::exception_ptr why);
  std::exception_ptr failure_of(int ssl_error) const;

  std::shared_ptr<const tls_settings> settings_;
  std::unique_ptr<ssl_st, ssl_free> ssl_;
  std::string peer_;           // whom to verify, for messages and sessions
  std::exception_ptr failed_;  // the first failure, and then the last word
  std::span<std::byte> landing_;
  std::span<const std::byte> input_;  // ciphertext that OpenSSL has not taken yet
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t buffer_size_ = 0;
  std::vector<std::byte> sending_;  // from sent_ on; never moves while it is being sent
  std::vector<std::byte> queue_;    // behind it
  std::size_t queued_data_ = 0;     // how much of that is the caller's
  std::size_t sent_ = 0;
  int refused_depth_ = 0;
  std::uint32_t idle_talk_ = 0;  // messages of the protocol's own since the last byte of data
  role role_;
  bool resumption_ = false;  // sessions are taken from the context and given to it
  bool greeted_ = false;     // a server: the client has said something
  bool much_came_ = false;   // the last time; so it is worth a large buffer to wait with
  bool established_ = false;
  bool close_sent_ = false;
  bool ended_ = false;  // close_notify came
};

}  // namespace rondo::net::detail
