#include <rondo/http/server/serving.hpp>
#include <rondo/net/endpoint.hpp>
#include <rondo/net/serve.hpp>
#include <rondo/runtime/loop.hpp>

#include <algorithm>
#include <new>
#include <system_error>

namespace rondo::http::detail {
namespace {

// A client, as far as its connections are counted: the address, or the /64 of an IPv6 one. Nothing
// for a Unix socket, and for a client that has gone.
bool client_of(const plain_stream& stream, serving::place::client& out) noexcept {
  try {
    const net::endpoint e = stream.remote_endpoint();
    if (!e.is_ip()) return false;
    const auto& bytes = e.ip().bytes();
    out = {};
    out[0] = std::byte{e.ip().is_v6()};
    const std::size_t count = e.ip().is_v6() ? 8 : 4;
    for (std::size_t i = 0; i < count; ++i) out[i + 1] = std::byte{bytes[i]};
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

}  // namespace

void open_connection::belongs_to(rondo::detail::child_record& task) {
  record_ = &task;
  task.set_namer(this);
  rondo::detail::loop_core& core = rondo::detail::this_core();
  if (core.wants_names()) core.set_name(task, task_name());
}

std::string open_connection::task_name() const { return net::detail::connection_name(socket_); }

serving::serving(const server_state& s, stop_handle stop)
    : running_server(std::move(stop)),
      server_(s),
      watch_(stop_access::state(stop_)->watch(&told, this)) {}

serving::~serving() {
  watch_->forget();
  stop_access::state(stop_)->leave(*watch_);
}

void serving::show(std::string where) noexcept {
  where_ = std::move(where);
  rondo::detail::this_core().show(*this);
}

void serving::tell(rondo::detail::shown_visitor& v) const {
  std::array<std::size_t, 5> of_state{};
  open_.for_each([&](const open_connection& c) { ++of_state[static_cast<std::size_t>(c.now())]; });
  using state = open_connection::state;
  const auto number = [&](const char* name, state s) {
    if (const std::size_t n = of_state[static_cast<std::size_t>(s)]; n > 0) v.number(name, n);
  };
  v.line("server", where_);
  v.number("open", connections_);
  v.most(options().max_connections_);
  number("busy", state::busy);
  number("at_rest", state::at_rest);
  number("silent", state::silent);
  number("shaking_hands", state::shaking_hands);
  number("lingering", state::lingering);
  v.number("accepted", accepted_);
  v.number("refused", refused_);
}

// From the loop, when a stop was asked for and when its grace has ended.
void serving::told(void* self) noexcept {
  auto& s = *static_cast<serving*>(self);
  if (!s.stopping_.is_set()) {
    s.stopping_.set();
    s.accepting_.cancel();
    s.open_.for_each([](open_connection& c) noexcept { c.hear_of_stop(); });
  }
  s.changed_.set();
}

task<> serving::wait_for_room() {
  while (!has_room()) {
    changed_.clear();
    co_await changed_.wait();
  }
}

task<bool> serving::wait_for_room_in_grace() {
  while (!has_room() && !watch_->grace_is_over()) {
    changed_.clear();
    co_await changed_.wait();
  }
  co_return has_room();
}

task<> serving::rest() {
  changed_.clear();
  co_await try_for(net::detail::accept_rest, changed_.wait());
}

std::optional<serving::place> serving::admit(const plain_stream& stream) noexcept {
  ++accepted_;
  place::client who{};
  place::clients::value_type* counted = nullptr;
  if (options().max_connections_per_client_ != SIZE_MAX && client_of(stream, who)) {
    try {
      counted = &*clients_.try_emplace(who).first;
      if (counted->second >= options().max_connections_per_client_) {
        ++refused_;
        return std::nullopt;
      }
      ++counted->second;
    } catch (const std::bad_alloc&) {
      ++refused_;
      return std::nullopt;
    }
  }
  ++connections_;
  return place(*this, counted);
}

serving::place serving::admit_uncounted() noexcept {
  ++accepted_;
  ++connections_;
  return place(*this, nullptr);
}

void serving::leave(const place& p) noexcept {
  --connections_;
  if (p.client_ && --p.client_->second == 0) clients_.erase(p.client_->first);
  changed_.set();
}

// Counted from the moment in which it is spawned.
class serving::background_place {
 public:
  explicit background_place(serving& s) noexcept : serving_(&s) { ++s.background_count_; }
  background_place(background_place&& other) noexcept
      : serving_(std::exchange(other.serving_, nullptr)) {}
  background_place& operator=(background_place&&) = delete;
  ~background_place() {
    if (serving_ == nullptr) return;
    --serving_->background_count_;
    serving_->changed_.set();
  }
  serving& from() const noexcept { return *serving_; }

 private:
  serving* serving_;
};

void serving::spawn_task(task<> t) {
  group_->spawn(run_background(background_place(*this), std::move(t)));
}

task<> serving::run_background(background_place mine, task<> t) {
  struct listed : background_task {
    ~listed() { unlink(); }
  };
  listed self;
  self.record = &static_cast<rondo::detail::child_record&>(rondo::detail::current_job());
  mine.from().background_.push_back(self);
  try {
    co_await std::move(t);
  } catch (...) {
    rondo::detail::report_unhandled(std::current_exception());
  }
}

task<> serving::wait_for_all() {
  while (!empty()) {
    changed_.clear();
    co_await changed_.wait();
  }
}

task<> serving::wait_for_all_or_end_of_grace(task<> rest) {
  co_await std::move(rest);
  while (!empty() && !watch_->grace_is_over()) {
    changed_.clear();
    co_await changed_.wait();
  }
}

void serving::cancel_all() noexcept {
  open_.for_each([](open_connection& c) noexcept { c.cancel(); });
  background_.for_each([](background_task& t) noexcept { t.record->cancel_alone(); });
}

task<> serving::wind_down(task<> rest) {
  co_await try_for(options().grace_, wait_for_all_or_end_of_grace(std::move(rest)));
  if (empty()) co_return;
  cancel_all();
  if (co_await try_for(options().cancel_grace_, wait_for_all())) co_return;
  // Whatever their cleanup waits for on the connection ends with io_errc::closed.
  open_.for_each([](open_connection& c) noexcept { c.close_under(); });
}

void serving::tls_failed(const net::endpoint& client, const std::exception_ptr& why) {
  ++tls_failures_;
  if (!options().on_tls_failure_) return;
  try {
    options().on_tls_failure_->call(client, why);
  } catch (...) {
    rondo::detail::report_unhandled(std::current_exception());
  }
}

}  // namespace rondo::http::detail
