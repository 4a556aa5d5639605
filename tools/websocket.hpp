// `rondo ws URL`: lines in, messages out.
#pragma once

#include "connecting.hpp"

#include <rondo/runtime/task.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::tools {

// How a message stands in a line, in both directions.
enum class line_kind : std::uint8_t {
  plain,        // text as it is; of a message of bytes, their hexadecimal digits are printed
  hexadecimal,  // each line is such digits, and a message of bytes
  json,         // {"text": "…"} or {"bytes": "0aff"}
};

struct websocket_session_options : connecting_options {
  std::string url;
  std::vector<std::string> protocols;  // subprotocols, the best first
  double linger_s = 1;                 // how long after the last line an answer is waited for
  line_kind lines = line_kind::plain;
  bool listen = false;  // the input is left alone
  bool compress = false;
  bool http2 = false;    // on a stream of HTTP/2, known beforehand
  bool verbose = false;  // both sides' heads, and why it ended, on stderr
};

inline constexpr std::string_view websocket_exit_codes =
    "Exit code:\n"
    "  0    closed with 1000, by either side, or without a code\n"
    "  1    the answer was no WebSocket; its status is said\n"
    "  2    bad arguments, or a line that is none\n"
    "  3    a URL that is none\n"
    "  4    no connection: name, address or proxy\n"
    "  5    a timeout\n"
    "  6    no HTTP, or an answer to another request\n"
    "  7    TLS\n"
    "  8    redirects: too many, or not to be followed\n"
    "  9    anything else\n"
    "  10   the other side closed with another code, which is said\n"
    "  11   the connection was lost, or a side broke the rules\n"
    "  130  Ctrl-C: the other side is told 1001";

// Sends each line of standard input as a message, and prints each message as a line; at a terminal
// with a prompt, and without what would move its cursor. Ends when the other side closes, when
// nobody reads the output any more, or, when the input has ended, after `linger_s` without a
// message. Gives the exit code; on the way to 1 and above it has said why. Throws
// std::invalid_argument.
task<int> websocket_session(websocket_session_options o);

}  // namespace rondo::tools
