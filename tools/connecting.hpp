// What `rondo fetch` and `rondo ws` have in common: who is connected to, how, and what every
// request says.
#pragma once

#include <rondo/http/client.hpp>
#include <rondo/http/request.hpp>

#include <string>
#include <utility>
#include <vector>

namespace rondo::tools {

struct connecting_options {
  std::vector<std::string> headers;  // "Name: value"
  std::string user;                  // "name:password", for Basic
  std::string proxy;                 // empty: none; "env": as the environment says
  std::string unix_socket;           // where every connection goes; empty: where the URL says
  std::string local_address;         // to connect from; empty: any
  std::vector<std::string> resolve;  // "host:port:address[,address…]", instead of a lookup
  double connect_timeout_s = 30;
  std::string ca_file;    // whom TLS trusts instead of the system's authorities; empty: those
  bool insecure = false;  // TLS with whoever answers
};

// What stands before and behind the first `at`. Throws std::invalid_argument, with `wanted`: there
// is none.
std::pair<std::string, std::string> split(const std::string& text, char at, const char* wanted);

// Throw std::invalid_argument, which names the option that is wrong.
void add_fields(http::request& r, const connecting_options& o);
http::client_options client_options_of(const connecting_options& o);

}  // namespace rondo::tools
