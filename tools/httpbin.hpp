// The routes of `rondo serve`: a loopback test server in the manner of httpbin.
#pragma once

#include <rondo/http/server.hpp>

namespace rondo::tools {

// /json, /delay/{seconds}, /status/{code}, /bytes/{n}, /stream/{n}, /headers, /get, /post,
// /redirect/{n}.
void add_httpbin_routes(http::server& s);

}  // namespace rondo::tools
