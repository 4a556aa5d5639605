// The second reading of a head: llhttp parses what our own scan has accepted, and the two must
// agree on everything: method, target, version, status, reason, every name and value, and what
// frames the body. What two parsers read alike, a proxy in front of us is likely to read alike too;
// a head that they read differently is refused. Internal.
#pragma once

#include <rondo/http/wire/framing.hpp>
#include <rondo/http/wire/head_scan.hpp>

#include <string_view>

namespace rondo::http::detail {

// `head` is the whole head as it came, `ours` and `framing` what we read in it. A method that
// llhttp does not know is read by our scan alone, and llhttp is shown another in its place. Throws
// protocol_error: 400, and 502 for a response.
void check_with_llhttp(std::string_view head, const head_scan& ours, const framing_fields& framing);

// Whether this llhttp refuses a CR without its LF at the end of a head. llhttp 8 built without
// LLHTTP_STRICT_MODE does not, and is then worth little as a second opinion; a test asks.
[[nodiscard]] bool llhttp_is_strict();

}  // namespace rondo::http::detail
