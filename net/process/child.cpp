#include <rondo/net/process/child.hpp>
#include <rondo/runtime/loop.hpp>

#include <csignal>

namespace rondo::net::detail {

namespace {

task<> until_concluded(std::shared_ptr<child> c) {
  while (!c->has_ended()) {
    co_await c->look();
    c->conclude();
  }
}

task<> until_ended(std::shared_ptr<child> c) { co_await c->end(); }

// In the cleanup of the service: nobody else looks.
task<> put_an_end(std::shared_ptr<child> c) {
  if (c->has_ended()) co_return;
  c->ask();
  if (co_await try_for(c->grace(), until_concluded(c))) co_return;
  c->send(SIGKILL);
  co_await until_concluded(c);
}

}  // namespace

task<> watch(std::shared_ptr<child> c) {
  const outcome<void> o = co_await c->owned_.run(until_concluded(c));
  if (o.has_error()) std::rethrow_exception(o.error());
}

void child::ask() noexcept {
  if (asked_) return;
  asked_ = true;
  send(SIGTERM);
}

void look_after(const std::shared_ptr<child>& c) {
  rondo::detail::this_core().run_service(finally(watch(c), [c] { return put_an_end(c); }));
}

task<> stop_child(std::shared_ptr<child> c) {
  if (c->has_ended()) co_return;
  c->ask();
  if (co_await try_for(c->grace(), until_ended(c))) co_return;
  if (!c->has_ended()) c->send(SIGKILL);
  co_await c->end();
}

}  // namespace rondo::net::detail
