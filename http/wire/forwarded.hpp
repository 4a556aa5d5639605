// Who a request is for, by what proxies have written: Forwarded (RFC 7239) and X-Forwarded-For.
// Internal.
#pragma once

#include <rondo/net/endpoint.hpp>

#include <optional>
#include <string_view>
#include <vector>

namespace rondo::http::detail {

// One entry: "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]", "[2001:db8::1]:80", and, in
// X-Forwarded-For, "2001:db8::1". A port that is hidden ("_x") counts as 0. Nothing for "unknown",
// for a hidden name and for what is none of these.
std::optional<net::endpoint> read_forwarded_node(std::string_view text) noexcept;

// The entries of a field's value, the first proxy's first; nullopt for one that cannot be read.
using forwarded_nodes = std::vector<std::optional<net::endpoint>>;

// What each element of a Forwarded field says of `for`; without it, nullopt. An empty list when the
// value is not as RFC 7239, section 4, has it.
forwarded_nodes read_forwarded(std::string_view value);
// The entries between the commas.
forwarded_nodes read_x_forwarded_for(std::string_view value);

}  // namespace rondo::http::detail
