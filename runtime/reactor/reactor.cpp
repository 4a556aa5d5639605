#include <rondo/runtime/log.hpp>
#include <rondo/runtime/reactor/reactor.hpp>
#include <rondo/runtime/simulation.hpp>

#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace rondo::detail {
namespace {

reactor_kind from_environment() {
  const char* value = std::getenv("RONDO_REACTOR");  // NOLINT(concurrency-mt-unsafe)
  if (!value || !*value) return reactor_kind::automatic;
  const std::string_view name = value;
  if (name == "epoll") return reactor_kind::epoll;
  if (name == "io_uring") return reactor_kind::io_uring;
  throw std::invalid_argument("RONDO_REACTOR is \"" + std::string(name) +
                              "\"; it may be epoll or io_uring");
}

}  // namespace

std::unique_ptr<reactor> make_reactor(const reactor_choice& choice, operation_queue& completed) {
  const reactor_kind kind =
      choice.kind == reactor_kind::automatic ? from_environment() : choice.kind;
  switch (kind) {
    case reactor_kind::epoll: return make_epoll_reactor(completed);
    case reactor_kind::io_uring: return make_uring_reactor(completed);
    case reactor_kind::simulated:
      return make_simulated_reactor(choice.simulation ? *choice.simulation : simulation_options(),
                                    completed);
    case reactor_kind::automatic: break;
  }
  try {
    return make_uring_reactor(completed);
  } catch (const std::system_error& e) {
    static constinit std::atomic<bool> said{false};
    if (is_logged(log_level::warning) && !said.exchange(true))
      log(log_level::warning, "runtime", std::string("using epoll, because ") + e.what(),
          {{"reason", e.what()}});
    return make_epoll_reactor(completed);
  }
}

}  // namespace rondo::detail
