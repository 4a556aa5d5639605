#include <rondo/http/rate_limit.hpp>
#include <rondo/patterns/keyed.hpp>
#include <rondo/patterns/rejection.hpp>
#include <rondo/runtime/as_result.hpp>

#include <chrono>
#include <optional>

namespace rondo::http {

namespace detail {

// On one loop's thread, like its server.
class client_limits {
 public:
  client_limits(const rate_limiter::options& each, std::size_t clients)
      : by_client_(clients, [each](const std::string&) { return rate_limiter(each); }),
        others_(each) {}

  using handle = keyed<rate_limiter>::handle;
  handle of(const std::string& client) { return by_client_.get(client); }
  rate_limiter& others() noexcept { return others_; }

 private:
  keyed<rate_limiter> by_client_;
  rate_limiter others_;
};

std::string address_key(const net::endpoint& client) {
  if (client.is_unix()) return "unix";
  const auto& bytes = client.ip().bytes();
  std::string_view key(reinterpret_cast<const char*>(bytes.data()), 4);
  if (client.ip().is_v6()) {
    static constexpr std::string_view of_a_mapped_v4("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
    static constexpr std::size_t of_a_customer = 8;
    const std::string_view whole(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    key = whole.starts_with(of_a_mapped_v4) ? whole.substr(of_a_mapped_v4.size())
                                            : whole.substr(0, of_a_customer);
  }
  return std::string(key);
}

}  // namespace detail

rate_limit::rate_limit(const rate_limiter::options& each, rondo::detail::amount clients)
    : limits_(std::make_shared<detail::client_limits>(each, clients)),
      key_(std::make_shared<detail::typed_client_key<std::string (*)(server_request&)>>(
          [](server_request& r) { return detail::address_key(r.client()); })) {}

task<server_response> rate_limit::operator()(server_request& r, next& rest) const {
  // Kept while the request waits for its turn, so that the limiter is not replaced under it.
  detail::client_limits::handle own = limits_->of(key_->of(r));
  rate_limiter& limiter = own ? *own : limits_->others();
  const outcome<void> turn = co_await as_result(limiter.acquire());
  if (turn.has_error()) {
    const std::optional<rejection> why = rejection::of(turn);
    if (!why) std::rethrow_exception(turn.error());
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(why->retry_after).count();
    co_return server_response::text("too many requests\n", 429)
        .header("Retry-After", std::to_string(seconds));
  }
  own = {};
  co_return co_await rest(r);
}

}  // namespace rondo::http
