// A build without TLS: everything is declared, and whoever asks for it is told.
#include <rondo/net/tls/tls_engine.hpp>

namespace rondo::net {
namespace {

[[noreturn]] void none() {
  throw tls_error(tls_errc::not_available,
                  "Rondo was built without OpenSSL (meson: -Dtls=enabled)");
}

}  // namespace

namespace detail {

struct tls_settings {};
struct tls_protocols {};

std::string key_log_environment() { return {}; }

void tls_engine::ssl_free::operator()(ssl_st*) const noexcept {}
tls_engine::tls_engine(const tls_context&, role r, std::string_view) : role_(r) { none(); }
tls_engine::~tls_engine() = default;
bool tls_engine::handshake() { none(); }
std::optional<std::size_t> tls_engine::read(std::span<std::byte>) { none(); }
std::size_t tls_engine::write(std::span<const std::byte>) { none(); }
void tls_engine::close_notify() noexcept {}
std::span<std::byte> tls_engine::landing(std::span<std::byte>) { none(); }
void tls_engine::arrived(std::size_t) noexcept {}
void tls_engine::transport_ended() { none(); }
std::span<const std::byte> tls_engine::outgoing() noexcept { return {}; }
bool tls_engine::has_input() const noexcept { return true; }
rondo::detail::nanoseconds tls_engine::handshake_timeout() const noexcept { return {}; }
std::string_view tls_engine::protocol() const noexcept { return {}; }
std::string_view tls_engine::cipher() const noexcept { return {}; }
std::string_view tls_engine::alpn() const noexcept { return {}; }
std::string_view tls_engine::server_name() const noexcept { return {}; }
bool tls_engine::resumed() const noexcept { return false; }
std::string tls_engine::peer_subject() const { return {}; }
std::vector<std::byte> tls_engine::peer_certificate() const { return {}; }

}  // namespace detail

tls_context tls_context::client(const tls_client_options&) { none(); }
tls_context tls_context::server(const tls_server_options&) { none(); }
tls_context tls_context::offering(const std::vector<std::string>&) const { none(); }
bool tls_context::offers_protocols() const noexcept { return false; }
std::uint64_t tls_context::id() const noexcept { return 0; }

}  // namespace rondo::net
