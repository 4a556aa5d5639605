// Rondo inside asio's io_context, run by one thread.
#include "fetches.hpp"

#include <asio.hpp>

namespace {

// Waits for the descriptor and for the time that is left, and after each visit for both again.
class asio_host {
 public:
  explicit asio_host(asio::io_context& io) : fd_(io, loop.fd()), timer_(io) {
    watch();
    visit();
  }
  asio_host(const asio_host&) = delete;
  asio_host& operator=(const asio_host&) = delete;
  ~asio_host() { fd_.release(); }  // it is Rondo's

  template <class T>
  void spawn(rondo::task<T> t) {
    loop.spawn(std::move(t));
    visit();  // asio does not ask before it sleeps
  }

  rondo::embedded_loop loop;

 private:
  void watch() {
    fd_.async_wait(asio::posix::descriptor_base::wait_read, [this](std::error_code error) {
      if (error) return;
      visit();
      watch();
    });
  }
  void visit() {
    loop.run_ready();
    const auto left = loop.next_timeout();
    if (!left) {
      timer_.cancel();
      return;
    }
    timer_.expires_after(*left);
    timer_.async_wait([this](std::error_code error) {
      if (!error) visit();
    });
  }

  asio::posix::stream_descriptor fd_;
  asio::steady_timer timer_;
};

void tick_on(asio::steady_timer& timer, fetches& work) {
  work.tick();
  timer.expires_at(timer.expiry() + fetches::interval);
  timer.async_wait([&](std::error_code error) {
    if (!error) tick_on(timer, work);
  });
}

}  // namespace

int main(int argc, char** argv) {
  asio::io_context io(1);
  // A turn is one operation of asio's: two visits may stand before the tick in the line, two more
  // when asio looks again, and now and then one that finds nothing to do.
  fetches work(argc, argv, 8);
  asio_host inside(io);
  asio::steady_timer ticks(io, std::chrono::steady_clock::now());
  tick_on(ticks, work);
  inside.spawn(work.run());
  while (inside.loop.size() > 0) {
    work.turn(ticks.expiry() <= std::chrono::steady_clock::now());
    io.run_one();
  }
  return work.report();
}
