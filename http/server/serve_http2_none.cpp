// Where there is no libnghttp2.
#include <rondo/http/server/serve_http2.hpp>

namespace rondo::http::detail {

bool serves_http2() noexcept { return false; }

task<> serve_http2(accepted_connection& /*c*/, std::string /*first*/) { co_return; }

}  // namespace rondo::http::detail
