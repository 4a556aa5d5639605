// `rondo ws URL`: lines in, messages out.
#pragma once

#include <rondo/runtime/task.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace rondo::tools {

struct websocket_session_options {
  std::string url;
  std::vector<std::string> headers;    // "Name: value"
  std::vector<std::string> protocols;  // subprotocols, the best first
  double linger_s = 1;                 // how long after the last line an answer is waited for
  bool compress = false;
  bool verbose = false;   // what was agreed on, and why it ended, on stderr
  std::string ca_file;    // whom wss trusts instead of the system's authorities; empty: those
  bool insecure = false;  // wss with whoever answers
};

inline constexpr std::string_view websocket_exit_codes =
    "Exit code:\n"
    "  0  closed in good order\n"
    "  1  the connection was lost, or a side broke the protocol's rules\n"
    "  2  bad arguments, or no WebSocket at that URL";

// Sends each line of standard input as a message of text, and prints each message as a line; one of
// bytes as their hexadecimal digits. Ends when the other side closes, or, when the input has ended,
// after `linger_s` without a message. Gives the exit code. Throws http::error,
// std::invalid_argument.
task<int> websocket_session(websocket_session_options o);

}  // namespace rondo::tools
