// The routes of `rondo serve`: a loopback test server in the manner of httpbin.org.
#pragma once

#include <rondo/http/server.hpp>

namespace rondo::tools {

// What is asked        /get /post /put /patch /delete /anything /anything/… /headers /ip
//                      /user-agent
// Statuses, redirects  /status/{code} /status/{code:weight,…} /redirect/{n} /relative-redirect/{n}
//                      /absolute-redirect/{n} /redirect-to?url=&status_code=
// Bodies               /json /html /xml /robots.txt /deny /encoding/utf8 /bytes/{n} /base64/{text}
//                      /stream/{n} /stream-bytes/{n} /gzip /deflate /brotli /uuid /image
//                      /image/{png,jpeg,webp,svg}
// Pages                / /links/{n} /links/{n}/{page} /forms/post
// Time                 /delay/{seconds} /drip?duration=&numbytes=&code=&delay=
// Who asks             /basic-auth/{user}/{password} /hidden-basic-auth/{user}/{password} /bearer
//                      /digest-auth/{qop}/{user}/{password}, …/{algorithm},
//                      …/{algorithm}/{stale_after}
// State                /cookies /cookies/set /cookies/set/{name}/{value} /cookies/delete
// Fields               /response-headers /cache /cache/{seconds} /etag/{tag} /range/{n}
void add_httpbin_routes(http::server& s);

}  // namespace rondo::tools
