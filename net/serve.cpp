#include <rondo/net/endpoint.hpp>
#include <rondo/net/serve.hpp>
#include <rondo/runtime/loop.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace rondo::net {

serve_handle::serve_handle() : state_(std::make_shared<detail::serve_state>()) {}

void serve_handle::stop() noexcept {
  state_->stop.set();
  for (cancel_scope* s : state_->accepting) s->cancel();
}

namespace detail {

accept_verdict judge_accept(std::error_code error) noexcept {
  if (error.category() != std::system_category()) return accept_verdict::fatal;
  switch (error.value()) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return accept_verdict::rest;
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
    case ENETUNREACH: return accept_verdict::again;
    default: return accept_verdict::fatal;
  }
}

// getpeername(2) is asked when the name is, and not for each that is accepted.
std::string connection_name(descriptor socket) {
  rondo::detail::reactor& io = rondo::detail::this_core().io();
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  auto* const raw = reinterpret_cast<sockaddr*>(&name);
  if (!io.is_attached(socket) || io.peer_name(socket.fd, raw, &size) < 0)
    return "connection of a peer that is gone";
  return "connection " + endpoint::from_sockaddr(raw, size).to_string();
}

server::server(const serve_options& options, serve_handle handle)
    : options_(options), handle_(std::move(handle)) {
  handle_.state_->accepting.push_back(&accepting_);
}

server::~server() { std::erase(handle_.state_->accepting, &accepting_); }

task<> server::wait_for_room() {
  while (!has_room()) {
    one_ended_.clear();
    co_await one_ended_.wait();
  }
}

task<> server::rest() {
  one_ended_.clear();
  co_await try_for(accept_rest, one_ended_.wait());
}

server::place server::add() {
  connections_.emplace_back();
  ++handle_.state_->connections;
  ++handle_.state_->accepted;
  return std::prev(connections_.end());
}

void server::name_task(place where) const {
  if (!options_.name_connections_) return;
  where->named = &static_cast<rondo::detail::child_record&>(rondo::detail::current_job());
  where->named->set_namer(&*where);
  rondo::detail::loop_core& core = rondo::detail::this_core();
  if (core.wants_names()) core.set_name(*where->named, where->task_name());
}

void server::remove(place where) noexcept {
  if (where->named) where->named->set_namer(nullptr);
  connections_.erase(where);
  --handle_.state_->connections;
  one_ended_.set();
}

task<> server::wait_for_all() {
  while (!connections_.empty()) {
    one_ended_.clear();
    co_await one_ended_.wait();
  }
}

task<> server::wait_for_rest_and_all(task<> rest) {
  co_await std::move(rest);
  co_await wait_for_all();
}

task<> server::wind_down(task<> rest) {
  if (co_await try_for(options_.grace_, wait_for_rest_and_all(std::move(rest)))) co_return;
  for (connection& c : connections_)
    if (c.handler) c.handler->cancel();
  if (co_await try_for(options_.cancel_grace_, wait_for_all())) co_return;
  // Whatever their cleanup waits for on the connection ends with io_errc::closed.
  for (const connection& c : connections_) rondo::detail::this_core().io().close(c.socket);
}

}  // namespace detail
}  // namespace rondo::net
