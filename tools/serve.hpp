// `rondo serve`: a test server in the manner of httpbin, or of a folder's files, on one port by a
// loop on each of several threads.
#pragma once

#include <cstddef>
#include <string>

namespace rondo::tools {

struct serve_options {
  std::string at = "127.0.0.1:8080";
  std::size_t threads = 1;
  std::size_t connections = 10'000;  // of each thread
  std::string cert;                  // empty: no TLS; "auto": one of its own
  std::string key;
  std::string save_cert;  // where a certificate of its own goes, for clients to trust
  std::string files;
  bool access_log = false;
  bool metrics = false;
};

// Until SIGINT or SIGTERM: then what is under way is answered. Gives the exit code; what went wrong
// is logged. Throws std::invalid_argument for options that make no sense, net::tls_config_error,
// std::system_error when the certificate cannot be saved.
int serve(const serve_options& options);

}  // namespace rondo::tools
