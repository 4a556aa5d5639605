#include <rondo/http/health.hpp>

namespace rondo::http {

task<server_response> alive_page::operator()(server_request&) const {
  co_return server_response::text("alive\n").header("Cache-Control", "no-store");
}

}  // namespace rondo::http
