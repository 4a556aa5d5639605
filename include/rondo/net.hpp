// Rondo's sockets, files and processes: endpoints, TCP, Unix, datagrams, TLS, names, buffered
// reading, serving; folders, pipes and programs.
#pragma once

#include <rondo/net/accept.hpp>
#include <rondo/net/address.hpp>
#include <rondo/net/any_stream.hpp>
#include <rondo/net/buffered_reader.hpp>
#include <rondo/net/datagram.hpp>
#include <rondo/net/directory.hpp>
#include <rondo/net/endpoint.hpp>
#include <rondo/net/file.hpp>
#include <rondo/net/file_status.hpp>
#include <rondo/net/file_watch.hpp>
#include <rondo/net/memory_stream.hpp>
#include <rondo/net/network.hpp>
#include <rondo/net/options.hpp>
#include <rondo/net/pipe_stream.hpp>
#include <rondo/net/process.hpp>
#include <rondo/net/resolver.hpp>
#include <rondo/net/root_directory.hpp>
#include <rondo/net/run_process.hpp>
#include <rondo/net/send_file.hpp>
#include <rondo/net/serve.hpp>
#include <rondo/net/simulated_program.hpp>
#include <rondo/net/socket.hpp>
#include <rondo/net/socks.hpp>
#include <rondo/net/socks_error.hpp>
#include <rondo/net/standard_streams.hpp>
#include <rondo/net/stream.hpp>
#include <rondo/net/tcp.hpp>
#include <rondo/net/temporary.hpp>
#include <rondo/net/tls_context.hpp>
#include <rondo/net/tls_error.hpp>
#include <rondo/net/tls_stream.hpp>
#include <rondo/net/unix.hpp>
#include <rondo/version.hpp>
