// Connecting by name: RFC 8305's Happy Eyeballs over the answers of one lookup.
//
// The addresses are put in an order that alternates between the families, the first one's first
// (section 4). An attempt starts when the one before has had its 250 ms or any of those that run
// has failed (section 5). The first connection wins; the others are cancelled, and their sockets
// are closed when they have ended.
#include <rondo/net/connect/connect_wait.hpp>
#include <rondo/net/resolver.hpp>
#include <rondo/net/tcp.hpp>
#include <rondo/runtime/event.hpp>
#include <rondo/runtime/scope.hpp>
#include <rondo/runtime/task_group.hpp>

#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace rondo::net {

using rondo::detail::nanoseconds;

namespace {

constexpr nanoseconds unlimited = nanoseconds::max();

struct attempt {
  tcp_stream stream;
  std::error_code error;
};

std::error_code system_error(int error) noexcept { return {error, std::system_category()}; }

// Without a listener, a port of the range that source ports come from may connect to itself (a
// simultaneous open, RFC 9293, section 3.5): that is a refusal.
bool connected_to_itself(const socket& s, const endpoint& to) { return s.local_endpoint() == to; }

// Else bind takes a port at once, for this source address alone and not for the pair (ip(7)). It is
// a help: systems that do not have it (gVisor, qemu-user) connect all the same.
void take_port_at_connect(socket& s) {
  try {
    s.set(options::bind_address_no_port(true));
  } catch (const std::system_error& e) {
    if (e.code() != std::errc::no_protocol_option) throw;
  }
}

task<attempt> try_connect(endpoint to, connect_options options) {
  socket s = detail::open_tcp(to.family());
  if (!options.no_delay_) s.set(options::no_delay(false));
  if (options.local_) {
    if (options.local_->port() == 0) take_port_at_connect(s);
    s.bind(*options.local_);
  }
  const std::int32_t r = co_await detail::connect_wait(s.get(), to);
  attempt a;
  if (r < 0)
    a.error = rondo::detail::error_of(r);
  else if (connected_to_itself(s, to))
    a.error = system_error(ECONNREFUSED);
  else
    a.stream = tcp_stream(std::move(s));
  co_return a;
}

// Within the time for one attempt; what stands in the way on this side is an error like another.
task<attempt> try_connect_in_time(endpoint to, connect_options options) {
  attempt a;
  try {
    if (options.attempt_timeout_ == unlimited) co_return co_await try_connect(to, options);
    auto in_time = co_await try_for(options.attempt_timeout_, try_connect(to, options));
    if (in_time) co_return std::move(*in_time);
    a.error = system_error(ETIMEDOUT);
  } catch (const std::system_error& e) {
    a.error = e.code();
  }
  co_return a;
}

// The more an error tells, the better it explains why nothing could be reached: what is wrong on
// this side counts before what the other side said, and that before silence and the lack of a way.
int telling(std::error_code error) noexcept {
  if (error.category() != std::system_category()) return 1;
  switch (error.value()) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return 4;
    case ECONNREFUSED: return 3;
    case ETIMEDOUT: return 2;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EADDRNOTAVAIL: return 0;
    default: return 1;
  }
}

// What the attempts of one connect share.
struct race {
  void failed(std::error_code why, const endpoint& to) noexcept {
    if (!error || telling(why) > telling(error)) {
      error = why;
      where = to;
    }
    one_failed.set();
  }

  // Asks the filter, in the moment before an address is connected to.
  bool allows(const endpoint& to, const connect_options& options) {
    if (!options.filter_ || options.filter_->allows(to)) return true;
    if (!refused) refused = to;
    return false;
  }
  // `host`: empty when there was no name.
  [[noreturn]] void throw_failure(const std::string& host) const {
    const bool none_tried = !error;
    const std::string at = (none_tried ? *refused : where).to_string();
    const std::string what = "connect to " + (host.empty() ? at : host + " (" + at + ')');
    if (none_tried)
      throw std::system_error(std::make_error_code(std::errc::permission_denied),
                              what + ", which the filter refuses");
    throw std::system_error(error, what);
  }

  tcp_stream winner;
  std::error_code error;  // of those that were tried
  endpoint where;
  std::optional<endpoint> refused;  // the first that the filter refused
  event one_failed;
};

task<> run_attempt(race& r, task_group& others, endpoint to, const connect_options& options) {
  attempt a = co_await try_connect_in_time(to, options);
  if (a.error) {
    r.failed(a.error, to);
  } else if (!r.winner.is_open()) {
    r.winner = std::move(a.stream);
    others.cancel();
  }
}

task<> stagger(race& r, const std::vector<endpoint>& candidates, const connect_options& options) {
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): with_task_group keeps it
  co_await with_task_group([&](task_group& g) -> task<> {
    for (const endpoint& to : candidates) {
      if (!r.allows(to, options)) continue;
      r.one_failed.clear();
      g.spawn(run_attempt(r, g, to, options));
      if (&to != &candidates.back()) co_await try_for(options.attempt_delay_, r.one_failed.wait());
    }
  });
}

bool wanted(const endpoint& e, const connect_options& options) noexcept {
  if (options.local_ && options.local_->family() != e.family()) return false;
  return options.family_ == address_family::any ||
         (options.family_ == address_family::v6) == e.ip().is_v6();
}

// Alternates between the families, each in its own order.
std::vector<endpoint> interleave(const std::vector<endpoint>& found) {
  std::vector<endpoint> first;
  std::vector<endpoint> second;
  for (const endpoint& e : found)
    (e.family() == found.front().family() ? first : second).push_back(e);
  std::vector<endpoint> result;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) result.push_back(first[i]);
    if (i < second.size()) result.push_back(second[i]);
  }
  return result;
}

// `host`: the name that they are of, or empty.
task<tcp_stream> connect_to_any(std::string host, std::vector<endpoint> candidates,
                                connect_options options) {
  std::erase_if(candidates, [&](const endpoint& e) { return !wanted(e, options); });
  if (candidates.empty())
    throw std::system_error(system_error(EADDRNOTAVAIL),
                            "connect to " + (host.empty() ? "an endpoint" : host) +
                                ": it has no address of the family asked for");
  race r;
  if (candidates.size() > 1) {
    candidates = interleave(candidates);
    co_await stagger(r, candidates, options);
    if (r.winner.is_open()) co_return std::move(r.winner);
  } else if (r.allows(candidates.front(), options)) {
    attempt only = co_await try_connect_in_time(candidates.front(), options);
    if (!only.error) co_return std::move(only.stream);
    r.failed(only.error, candidates.front());
  }
  r.throw_failure(host);
}

task<tcp_stream> connect_by_name(std::string host, std::uint16_t port, connect_options options) {
  std::vector<endpoint> candidates = co_await detail::addresses_of(host, port, options.resolver_);
  co_return co_await connect_to_any(std::move(host), std::move(candidates), std::move(options));
}

void refuse_what_is_no_ip(const endpoint& to) {
  if (!to.is_ip())
    throw std::invalid_argument("tcp_stream::connect wants an IP endpoint, not " + to.to_string());
}

task<tcp_stream> connect_to(endpoint to, connect_options options) {
  refuse_what_is_no_ip(to);
  race r;
  if (r.allows(to, options)) {
    attempt a = co_await try_connect_in_time(to, options);
    if (!a.error) co_return std::move(a.stream);
    r.failed(a.error, to);
  }
  r.throw_failure({});
}

task<tcp_stream> connect_to_known(std::vector<endpoint> to, connect_options options) {
  if (to.empty()) throw std::invalid_argument("tcp_stream::connect wants at least one endpoint");
  for (const endpoint& e : to) refuse_what_is_no_ip(e);
  co_return co_await connect_to_any({}, std::move(to), std::move(options));
}

task<tcp_stream> within(nanoseconds limit, std::string what, task<tcp_stream> connecting) {
  auto in_time = co_await try_for(limit, std::move(connecting));
  if (!in_time) throw std::system_error(system_error(ETIMEDOUT), "connect to " + what);
  co_return std::move(*in_time);
}

}  // namespace

task<std::vector<endpoint>> detail::addresses_of(std::string host, std::uint16_t port,
                                                 std::shared_ptr<name_source> resolver) {
  if (address numeric; !resolver || address::try_parse(host, numeric))
    co_return co_await resolve(std::move(host), port);
  std::vector<endpoint> found = co_await resolver->resolve(host, port);
  if (found.empty()) throw resolve_error(host, EAI_NONAME);
  for (const endpoint& e : found) refuse_what_is_no_ip(e);
  co_return found;
}

task<tcp_stream> tcp_stream::connect(std::string host, std::uint16_t port,
                                     connect_options options) {
  if (options.timeout_ == unlimited)
    return connect_by_name(std::move(host), port, std::move(options));
  const nanoseconds limit = options.timeout_;
  std::string what = host;
  return within(limit, std::move(what), connect_by_name(std::move(host), port, std::move(options)));
}

task<tcp_stream> tcp_stream::connect(std::vector<endpoint> to, connect_options options) {
  if (options.timeout_ == unlimited) return connect_to_known(std::move(to), std::move(options));
  const nanoseconds limit = options.timeout_;
  std::string what = to.empty() ? std::string() : to.front().to_string();
  return within(limit, std::move(what), connect_to_known(std::move(to), std::move(options)));
}

task<tcp_stream> tcp_stream::connect(endpoint to, connect_options options) {
  if (options.timeout_ == unlimited) return connect_to(std::move(to), std::move(options));
  const nanoseconds limit = options.timeout_;
  std::string what = to.to_string();
  return within(limit, std::move(what), connect_to(std::move(to), std::move(options)));
}

}  // namespace rondo::net
