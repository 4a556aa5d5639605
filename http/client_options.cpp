#include <rondo/http/client/auth.hpp>
#include <rondo/http/client/digest.hpp>
#include <rondo/http/client_options.hpp>
#include <rondo/http/request.hpp>
#include <rondo/http/wire/ascii.hpp>

#include <stdexcept>

namespace rondo::http {

client_options::client_options() : jar_(std::make_shared<cookie_jar>()) {
  settings_.limits.set(phase::connect, std::chrono::seconds(30));
  settings_.limits.set(phase::total, detail::default_total_time);
  settings_.redirects = 10;
  settings_.insecure_redirects = false;
  settings_.raise = false;
  settings_.expect_continue = false;
  settings_.decode = true;
  settings_.max_body = std::uint64_t{1} << 30;
}

client_options& client_options::max_connections(rondo::detail::amount n) {
  if (n == 0) throw std::invalid_argument("client_options::max_connections must be at least 1");
  pool_.connections = n;
  return *this;
}

client_options& client_options::max_connections_per_origin(rondo::detail::amount n) {
  if (n == 0)
    throw std::invalid_argument("client_options::max_connections_per_origin must be at least 1");
  pool_.per_key = n;
  return *this;
}

client_options& client_options::base_url(std::string_view text) {
  base_ = http::url::parse(text);
  return *this;
}

client_options& client_options::header(std::string_view name, std::string_view value) {
  request::check_field(name, value);
  headers_.set(name, value);
  return *this;
}

client_options& client_options::secret_header(std::string_view name) {
  if (!detail::is_token(name))
    throw std::invalid_argument("client_options::secret_header was given what is no field name");
  secret_headers_.emplace_back(name);
  return *this;
}

client_options& client_options::basic_auth(std::string_view username, std::string_view password) {
  return header("Authorization", detail::basic_authorization(username, password));
}

client_options& client_options::bearer_auth(std::string_view token) {
  return header("Authorization", detail::bearer_authorization(token));
}

client_options& client_options::digest_auth(std::string_view username, std::string_view password) {
  settings_.digest = detail::digest_credentials(username, password);
  return *this;
}

client_options& client_options::unix_socket(std::string_view name) {
  unix_socket_ = net::endpoint::unix_path(std::string(name));
  return *this;
}

client_options& client_options::connector(std::shared_ptr<http::connector> c) {
  if (!c) throw std::invalid_argument("client_options::connector was given none");
  connector_ = std::move(c);
  return *this;
}

client_options& client_options::policy(std::shared_ptr<request_policy> p) {
  if (!p) throw std::invalid_argument("client_options::policy was given none");
  policy_ = std::move(p);
  return *this;
}

client_options& client_options::follow(int redirects) {
  if (redirects < 0) throw std::invalid_argument("client_options::follow must not be negative");
  settings_.redirects = redirects;
  return *this;
}

}  // namespace rondo::http
