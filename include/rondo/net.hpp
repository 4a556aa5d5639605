// Rondo's sockets: endpoints, TCP, names, buffered reading, serving.
#pragma once

#include <rondo/net/address.hpp>
#include <rondo/net/any_stream.hpp>
#include <rondo/net/buffered_reader.hpp>
#include <rondo/net/endpoint.hpp>
#include <rondo/net/memory_stream.hpp>
#include <rondo/net/resolver.hpp>
#include <rondo/net/serve.hpp>
#include <rondo/net/socket.hpp>
#include <rondo/net/stream.hpp>
#include <rondo/net/tcp.hpp>
