// refused: what is written is bytes: bytes_of(text)
#include <rondo/net.hpp>

using namespace rondo;

task<> wrong(net::tcp_stream& s) { co_await s.write_all("text"); }
