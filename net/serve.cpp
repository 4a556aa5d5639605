#include <rondo/net/serve.hpp>
#include <rondo/runtime/as_result.hpp>

namespace rondo::net::detail {

task<tcp_stream> accept_patiently(tcp_listener& listener) {
  for (;;) {
    outcome<tcp_stream> next = co_await as_result(listener.accept());
    if (next.has_value()) co_return std::move(next).value();
    const std::error_code code = next.code();
    if (code.category() != std::system_category()) std::rethrow_exception(next.error());
    switch (code.value()) {
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM: co_await sleep_for(accept_rest); break;
      // accept(2): already-pending network errors of the new socket are to be treated like EAGAIN.
      case ECONNABORTED:
      case EINTR:
      case EPROTO:
      case ENETDOWN:
      case ENOPROTOOPT:
      case EHOSTDOWN:
      case ENONET:
      case EHOSTUNREACH:
      case EOPNOTSUPP:
      case ENETUNREACH: break;
      default: std::rethrow_exception(next.error());
    }
  }
}

}  // namespace rondo::net::detail
