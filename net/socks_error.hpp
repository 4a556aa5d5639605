// What may go wrong with a SOCKS5 proxy.
#pragma once

#include <rondo/version.hpp>

#include <string>
#include <system_error>

namespace rondo::net {

// What the proxy refuses or says wrong; what() tells it. The code: ECONNREFUSED, EHOSTUNREACH,
// ENETUNREACH, EACCES, … as the proxy has it of the target; EACCES for a refused login; EPROTO when
// it does not keep to the protocol; ECONNRESET when it closes the connection.
class socks_error : public std::system_error {
 public:
  socks_error(int error, const std::string& what)
      : std::system_error(error, std::system_category(), what), reason_(what) {}
  // what() without the code's own words.
  const std::string& reason() const noexcept { return reason_; }

 private:
  std::string reason_;
};

}  // namespace rondo::net
