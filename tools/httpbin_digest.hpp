// `/digest-auth` of the test server: who asks, by Digest (RFC 7616).
#pragma once

#include <rondo/http/server_messages.hpp>
#include <rondo/runtime/task.hpp>

namespace rondo::tools {

// The name and the password are what the path says: {qop} is "auth", "auth-int", or anything else
// for both; {algorithm} MD5, which it is without, or SHA-256. With {stale_after} a number, so many
// answers are taken before the nonce is too old; and with ?require-cookie=1 none without the cookie
// of the challenge. What the server has to remember for that, it tells the client as cookies;
// nonces it does not remember, so an answer may be given twice.
task<http::server_response> digest_auth(http::server_request& r);

}  // namespace rondo::tools
