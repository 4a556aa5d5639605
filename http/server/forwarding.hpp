// Who a server's client is, by the word of the proxies that it trusts. Internal.
#pragma once

#include <rondo/http/headers.hpp>
#include <rondo/http/parts/transport.hpp>
#include <rondo/http/trusted_proxies.hpp>
#include <rondo/net/endpoint.hpp>
#include <rondo/runtime/task.hpp>

#include <memory>

namespace rondo::http::detail {

// What a connection begins with. Takes the PROXY protocol's header off the stream, when the peer is
// one who must send it, and none of what follows. False: there was none, which has been reported
// unless the peer said nothing at all or has gone, and the connection is to be closed. `source` is
// set when the proxy names its client. Cancellation: stops reading.
task<bool> take_proxy_header(plain_stream& stream, const trusted_proxies& trusted,
                             std::unique_ptr<net::endpoint>& source);

// Who asked the outermost of the trusted proxies that lead to `peer`; `peer` itself when it is not
// one, or does not say.
net::endpoint client_behind(net::endpoint peer, const headers& fields,
                            const trusted_proxies& trusted);

}  // namespace rondo::http::detail
