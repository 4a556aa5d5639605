// refused: what is written is bytes: bytes_of(text)
#include <rondo/net.hpp>

#include <string>

using namespace rondo;

task<std::size_t> wrong(net::any_stream& s, std::string text) {
  co_return co_await s.write_some(text);
}
