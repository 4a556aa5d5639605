// In place of http2_link.cpp in a build without libnghttp2.
#include <rondo/http/client/http2_link.hpp>

#include <stdexcept>

namespace rondo::http::detail {

std::shared_ptr<multiplexed> begin_http2(transport /*stream*/, const parser_limits& /*limits*/,
                                         frame_trace /*frames*/) {
  throw std::logic_error("Rondo was built without HTTP/2");
}

}  // namespace rondo::http::detail
