#include <rondo/net/parts/path.hpp>
#include <rondo/net/resolver.hpp>
#include <rondo/runtime/core/random.hpp>
#include <rondo/runtime/core/thread_pool.hpp>
#include <rondo/runtime/event.hpp>
#include <rondo/runtime/reactor/current_simulation.hpp>
#include <rondo/runtime/semaphore.hpp>
#include <rondo/runtime/simulated_world.hpp>
#include <rondo/runtime/simulation.hpp>
#include <rondo/runtime/sleep.hpp>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace rondo::net {
namespace {

class resolver_category_type final : public std::error_category {
 public:
  const char* name() const noexcept override { return "rondo.resolver"; }
  std::string message(int code) const override { return ::gai_strerror(code); }
};

constexpr std::size_t longest_name = 253;  // RFC 1035, section 2.3.4, as text without the last dot

// What a lookup found.
struct answer {
  std::vector<address> addresses;
  int error = 0;         // EAI_…
  int system_error = 0;  // errno, with EAI_SYSTEM
};

// "localhost", or a name under it: the loopback addresses, and nobody is asked (RFC 6761, section
// 6.3).
bool is_localhost(std::string_view host) {
  constexpr std::string_view localhost = "localhost";
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.size() < localhost.size()) return false;
  const std::size_t before = host.size() - localhost.size();
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(host.substr(before), localhost, {}, lower) &&
         (before == 0 || host[before - 1] == '.');
}

// An address in numbers: as address::try_parse takes it, or in the shorter forms of inet_aton(3)
// ("127.1", "0x7f000001"), which getaddrinfo takes as well.
bool is_numeric(const std::string& host, address& out) {
  if (address::try_parse(host, out)) return true;
  if (host.empty() || host.find_first_not_of("0123456789abcdefABCDEFxX.") != std::string::npos)
    return false;
  in_addr v4{};
  if (::inet_aton(host.c_str(), &v4) == 0) return false;
  const auto number = ntohl(v4.s_addr);
  const auto byte = [number](int shift) { return static_cast<std::uint8_t>(number >> shift); };
  out = address::v4(byte(24), byte(16), byte(8), byte(0));
  return true;
}

// Leaves out the family of which this machine has loopback alone, as AI_ADDRCONFIG does (RFC 3493,
// section 6.1), unless nothing else is there. AI_ADDRCONFIG itself narrows the question: a name
// that has addresses of the other family alone, as a machine's own names in /etc/hosts may, is then
// unknown until it is asked for again.
void leave_out_unconfigured(std::vector<address>& found) {
  const auto is_v4 = [](const address& a) { return a.is_v4(); };
  if (std::ranges::all_of(found, is_v4) || std::ranges::none_of(found, is_v4)) return;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return;
  bool has_v4 = false;
  bool has_v6 = false;
  for (const ifaddrs* i = list; i; i = i->ifa_next) {
    const int family = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;
    if (family != AF_INET && family != AF_INET6) continue;
    const bool v4 = family == AF_INET;
    const unsigned size = v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (!endpoint::from_sockaddr(i->ifa_addr, size).ip().is_loopback())
      (v4 ? has_v4 : has_v6) = true;
  }
  ::freeifaddrs(list);
  if (has_v4 != has_v6) std::erase_if(found, [&](const address& a) { return a.is_v4() != has_v4; });
}

answer look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  answer a;
  a.error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  a.system_error = errno;
  if (a.error != 0) return a;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  for (const addrinfo* i = found; i; i = i->ai_next) {
    const endpoint e = endpoint::from_sockaddr(i->ai_addr, i->ai_addrlen);
    if (std::ranges::find(a.addresses, e.ip()) == a.addresses.end()) a.addresses.push_back(e.ip());
  }
  leave_out_unconfigured(a.addresses);
  return a;
}

answer look_up_simulated(const simulated_world& world, const std::string& host) {
  answer a;
  const auto entry = world.hosts_.find(host);
  if (entry == world.hosts_.end()) {
    a.error = EAI_NONAME;
    return a;
  }
  for (const std::string& text : entry->second) a.addresses.push_back(address::parse(text));
  return a;
}

// The addresses of localhost, if that is what `host` is; empty otherwise, and where a simulated
// world has a localhost of its own.
std::vector<address> localhost_addresses(const std::string& host) {
  if (!is_localhost(host)) return {};
  if (!rondo::detail::this_core().simulated())
    return {address::loopback_v6(), address::loopback_v4()};
  if (this_simulation().hosts_.contains(host)) return {};
  return {address::loopback_v4()};
}

std::vector<endpoint> with_port(const std::vector<address>& addresses, std::uint16_t port) {
  std::vector<endpoint> result;
  result.reserve(addresses.size());
  for (const address& a : addresses) result.emplace_back(a, port);
  return result;
}

[[noreturn]] void fail(const std::string& host, const answer& a) {
  if (a.error == EAI_SYSTEM)
    throw std::system_error(a.system_error, std::system_category(),
                            "cannot resolve \"" + host + '"');
  throw resolve_error(host, a.error);
}

// A lookup that has begun, and those who wait for it.
struct shared_lookup {
  explicit shared_lookup(std::string name) : host(std::move(name)) {}
  std::string host;
  event done;
  answer result;
  std::size_t waiters = 0;
};

struct kept_answer {
  std::vector<address> addresses;
  rondo::detail::time_point since;
};

}  // namespace

namespace detail {

struct resolver_state {
  explicit resolver_state(const resolver_options& o) : options(o), places(o.max_lookups_) {}

  const std::vector<address>* find(const std::string& host) {
    const auto found = kept.find(host);
    if (found == kept.end()) return nullptr;
    if (this_loop().now() - found->second.since < options.cache_time_)
      return &found->second.addresses;
    kept.erase(found);
    return nullptr;
  }
  void keep(const std::string& host, const std::vector<address>& addresses) {
    if (options.cache_time_ <= options.cache_time_.zero() || options.max_cached_ == 0) return;
    if (kept.size() >= options.max_cached_)
      kept.erase(
          std::ranges::min_element(kept, {}, [](const auto& entry) { return entry.second.since; }));
    kept.insert_or_assign(host, kept_answer{addresses, this_loop().now()});
  }

  resolver_options options;
  std::unordered_map<std::string, std::shared_ptr<shared_lookup>> running;
  std::unordered_map<std::string, kept_answer> kept;
  semaphore places;
  std::uint64_t lookups = 0;
  std::unique_ptr<rondo::detail::random_source> random;  // in the simulation
};

}  // namespace detail

namespace {

// Held by the task that makes a lookup: however that ends, even before it began, the waiters hear
// of it.
class lookup_end {
 public:
  lookup_end(std::shared_ptr<detail::resolver_state> r, std::shared_ptr<shared_lookup> l) noexcept
      : resolver_(std::move(r)), lookup_(std::move(l)) {
    lookup_->result.error = EAI_CANCELED;
  }
  lookup_end(lookup_end&&) = default;
  lookup_end& operator=(lookup_end&&) = delete;
  ~lookup_end() {
    if (!lookup_) return;
    resolver_->running.erase(lookup_->host);
    lookup_->done.set();
  }
  const std::shared_ptr<detail::resolver_state>& resolver() const noexcept { return resolver_; }
  shared_lookup& lookup() const noexcept { return *lookup_; }

 private:
  std::shared_ptr<detail::resolver_state> resolver_;
  std::shared_ptr<shared_lookup> lookup_;
};

task<answer> ask_simulation(detail::resolver_state& r, std::string host) {
  if (!r.random)  // drawn apart from the network's, so that a lookup changes nothing there
    r.random = std::make_unique<rondo::detail::random_source>(
        rondo::detail::current_simulation()->seed_ ^ 0x6e616d6573U);
  const simulated_world& world = this_simulation();
  co_await sleep_for(rondo::detail::nanoseconds(
      r.random->between(world.least_lookup_.count(), world.most_lookup_.count())));
  if (r.random->chance(world.lookup_failures_)) co_return answer{{}, EAI_AGAIN, 0};
  co_return look_up_simulated(world, host);
}

// One call on a thread of the process's pool. It takes none of the places that to_thread has:
// neither holds the other up. Shared by the task that waits and, from begin() on, by the thread.
class lookup_call final : public rondo::detail::pool_item, public rondo::detail::remote_node {
 public:
  explicit lookup_call(std::string host) : host_(std::move(host)) {}

  // On the loop. False: no thread can be had.
  bool begin(rondo::detail::job& j) noexcept {
    home_ = rondo::detail::this_core().mailbox();
    waiter_ = &j;
    references_.store(2, std::memory_order_relaxed);
    try {
      rondo::detail::submit_to_pool(*this);
      return true;
    } catch (...) {
      result.error = EAI_AGAIN;
      release();
      return false;
    }
  }
  // The task leaves: what no thread has begun is taken back, the rest is abandoned.
  void leave() noexcept {
    if (rondo::detail::take_back_from_pool(*this))
      release();
    else
      waiter_ = nullptr;
  }
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  answer result;

 private:
  // On the thread; the loop may be gone when it has ended.
  void execute() noexcept override {
    try {
      result = look_up(host_);
    } catch (...) {
      result = {{}, EAI_MEMORY, 0};
    }
    const std::shared_ptr<rondo::detail::mailbox> home = std::move(home_);
    if (!home->post(*this)) release();
  }
  void run() noexcept override {
    rondo::detail::job* j = waiter_;
    release();
    if (j) j->wake();
  }
  void drop() noexcept override { release(); }

  std::string host_;
  std::atomic<int> references_{1};
  std::shared_ptr<rondo::detail::mailbox> home_;
  rondo::detail::job* waiter_ = nullptr;  // nullptr: abandoned
};

class [[nodiscard("without co_await nothing happens")]] lookup_wait final
    : public rondo::detail::wait_base {
 public:
  explicit lookup_wait(std::string host) : call_(new lookup_call(std::move(host))) {}
  lookup_wait(lookup_wait&& other) noexcept
      : wait_base(other), call_(std::exchange(other.call_, nullptr)) {}
  lookup_wait& operator=(lookup_wait&&) = delete;
  ~lookup_wait() {
    if (call_) call_->release();
  }
  bool begin(rondo::detail::job& j) noexcept override {
    if (j.stops_here()) return false;
    if (!call_->begin(j)) return true;
    j.wait_on(*this);
    return false;
  }
  void cancel(rondo::detail::job& j) noexcept override {
    call_->leave();
    j.wake_stopped();
  }
  void describe(rondo::detail::wait_visitor& v) const override { v.waits_for("a lookup"); }
  answer await_resume() { return std::move(call_->result); }

 private:
  lookup_call* call_;
};

// A service of the loop: it belongs to none of those who wait for it.
task<> serve_lookup(lookup_end end) {
  detail::resolver_state& r = *end.resolver();
  shared_lookup& l = end.lookup();
  const semaphore::permit place = co_await r.places.acquire();
  if (l.waiters == 0) co_return;  // everyone has left before it began
  ++r.lookups;
  if (rondo::detail::this_core().simulated())
    l.result = co_await ask_simulation(r, l.host);
  else
    l.result = co_await lookup_wait(l.host);
  if (l.result.error == 0) r.keep(l.host, l.result.addresses);
}

// One who waits.
class waiting_for {
 public:
  explicit waiting_for(shared_lookup& l) noexcept : lookup_(l) { ++lookup_.waiters; }
  waiting_for(const waiting_for&) = delete;
  waiting_for& operator=(const waiting_for&) = delete;
  ~waiting_for() { --lookup_.waiters; }

 private:
  shared_lookup& lookup_;
};

task<std::vector<endpoint>> resolve_with(std::shared_ptr<detail::resolver_state> r,
                                         std::string host, std::uint16_t port) {
  if (address numeric; is_numeric(host, numeric)) co_return std::vector{endpoint(numeric, port)};
  if (host.empty() || host.size() > longest_name || detail::holds_nul(host))
    throw resolve_error(detail::shown(host), EAI_NONAME);
  if (const std::vector<address> own = localhost_addresses(host); !own.empty())
    co_return with_port(own, port);
  if (const std::vector<address>* kept = r->find(host)) co_return with_port(*kept, port);

  std::shared_ptr<shared_lookup> lookup;
  if (const auto found = r->running.find(host); found != r->running.end()) {
    lookup = found->second;
  } else {
    lookup = std::make_shared<shared_lookup>(host);
    r->running.emplace(host, lookup);
    rondo::detail::this_core().run_service(serve_lookup(lookup_end(r, lookup)));
  }
  const waiting_for me(*lookup);
  co_await lookup->done.wait();
  if (lookup->result.error != 0) fail(host, lookup->result);
  co_return with_port(lookup->result.addresses, port);
}

}  // namespace

const std::error_category& resolver_category() noexcept {
  static const resolver_category_type category;
  return category;
}

resolver::resolver(const resolver_options& options)
    : state_(std::make_shared<detail::resolver_state>(options)) {}

task<std::vector<endpoint>> resolver::resolve(std::string host, std::uint16_t port) {
  return resolve_with(state_, std::move(host), port);
}

void resolver::forget() noexcept { state_->kept.clear(); }

std::uint64_t resolver::lookups() const noexcept { return state_->lookups; }

resolver& loop_resolver() {
  struct of_a_loop {
    std::uint64_t id;
    resolver names;
  };
  thread_local std::optional<of_a_loop> kept;
  const std::uint64_t id = rondo::detail::this_core().id();
  if (!kept || kept->id != id) kept.emplace(of_a_loop{id, resolver()});
  return kept->names;
}

}  // namespace rondo::net
