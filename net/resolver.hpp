// Names to addresses, by getaddrinfo(3) on threads of its own.
//
//   std::vector<endpoint> where = co_await resolve("example.org", 443);
//
// Lookups of one name that overlap are one lookup. Answers are kept for a while, failures are not.
#pragma once

#include <rondo/net/endpoint.hpp>
#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/task.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

namespace rondo::net {

// getaddrinfo's EAI_… as std::error_code.
const std::error_category& resolver_category() noexcept;

// A name that could not be resolved: what() names the host and the reason; the code is of
// resolver_category.
class resolve_error : public std::system_error {
 public:
  resolve_error(const std::string& host, int code)
      : std::system_error(code, resolver_category(), "cannot resolve \"" + host + '"') {}
};

// Every setter returns the object itself.
struct resolver_options {
  // How long an answer is kept: getaddrinfo does not tell how long it holds. 10 s; 0: not at all.
  template <class Rep, class Period>
  resolver_options& cache_time(std::chrono::duration<Rep, Period> d) noexcept {
    cache_time_ = rondo::detail::saturate(d);
    return *this;
  }
  // How many names are kept; past it the one that has been kept longest goes. 1,000.
  resolver_options& max_cached(std::size_t n) noexcept {
    max_cached_ = n;
    return *this;
  }
  // How many lookups may be in threads at a time; the next wait in line. 8, at least 1.
  resolver_options& max_lookups(std::size_t n) noexcept {
    max_lookups_ = n > 0 ? n : 1;
    return *this;
  }

  rondo::detail::nanoseconds cache_time_ = std::chrono::seconds(10);
  std::size_t max_cached_ = 1'000;
  std::size_t max_lookups_ = 8;
};

namespace detail {
struct resolver_state;
}

// Belongs to the loop it is first used on. May go while its lookups run.
class resolver {
 public:
  // With the default options, or with these.
  resolver() : resolver(resolver_options()) {}
  explicit resolver(const resolver_options& options);

  // The addresses of `host` in the system's order (RFC 6724), each with `port`, without the family
  // of which this machine has loopback alone, unless there is no other. Answered at once, in no
  // thread and beside no lookup: a numeric host; "localhost" and the names under it, which are
  // [::1] and 127.0.0.1 (RFC 6761, section 6.3); a name whose answer is kept. Throws resolve_error,
  // std::system_error. Cancelled: leaves at once; a lookup that a thread has begun goes on for the
  // others and for the cache, one that waits in line for nobody is dropped. In the simulation names
  // come from simulation_options::host and simulated_world::host, which may have a localhost of
  // their own; simulated_world says how long it takes, and whether it fails.
  task<std::vector<endpoint>> resolve(std::string host, std::uint16_t port);
  // Drops the answers that are kept.
  void forget() noexcept;
  // Lookups made so far: neither shared nor answered from what was kept.
  std::uint64_t lookups() const noexcept;

 private:
  std::shared_ptr<detail::resolver_state> state_;
};

// The resolver of the running loop, which tcp_stream::connect uses; made with the default options.
resolver& loop_resolver();
// By that resolver: throws and is cancelled as resolver::resolve.
inline task<std::vector<endpoint>> resolve(std::string host, std::uint16_t port) {
  return loop_resolver().resolve(std::move(host), port);
}

}  // namespace rondo::net
