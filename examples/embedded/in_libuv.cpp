// Rondo inside libuv's loop.
#include "fetches.hpp"

#include <uv.h>

namespace {

// A poll handle for the descriptor, and a timer that is set before each sleep.
class uv_host {
 public:
  explicit uv_host(uv_loop_t* uv) {
    uv_poll_init(uv, &poll_, loop.fd());
    uv_timer_init(uv, &timer_);
    uv_prepare_init(uv, &prepare_);
    poll_.data = timer_.data = prepare_.data = this;
    uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* h, int, int) { of(h).loop.run_ready(); });
    uv_prepare_start(&prepare_, [](uv_prepare_t* h) { of(h).set_timer(); });
  }

  // libuv's handles go when it says so: run its loop once more after this.
  void close() {
    for (uv_handle_t* h :
         {reinterpret_cast<uv_handle_t*>(&poll_), reinterpret_cast<uv_handle_t*>(&timer_),
          reinterpret_cast<uv_handle_t*>(&prepare_)})
      uv_close(h, nullptr);
  }

  rondo::embedded_loop loop;

 private:
  template <class Handle>
  static uv_host& of(Handle* h) {
    return *static_cast<uv_host*>(h->data);
  }
  void set_timer() {
    const auto left = loop.next_timeout();
    if (!left) {
      uv_timer_stop(&timer_);
      return;
    }
    // libuv's clock is that of the turn's beginning.
    uv_update_time(timer_.loop);
    uv_timer_start(
        &timer_, [](uv_timer_t* h) { of(h).loop.run_ready(); },
        static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(*left).count()), 0);
  }

  uv_poll_t poll_{};
  uv_timer_t timer_{};
  uv_prepare_t prepare_{};
};

}  // namespace

int main(int argc, char** argv) {
  uv_loop_t* uv = uv_default_loop();
  fetches work(argc, argv);
  uv_host inside(uv);
  uv_timer_t ticks;
  uv_timer_init(uv, &ticks);
  ticks.data = &work;
  uv_timer_start(
      &ticks, [](uv_timer_t* h) { static_cast<fetches*>(h->data)->tick(); }, 0,
      fetches::interval.count());
  inside.loop.spawn(work.run());
  while (inside.loop.size() > 0) {
    uv_update_time(uv);
    work.turn(uv_timer_get_due_in(&ticks) == 0);
    uv_run(uv, UV_RUN_ONCE);
  }
  inside.close();
  uv_close(reinterpret_cast<uv_handle_t*>(&ticks), nullptr);
  uv_run(uv, UV_RUN_DEFAULT);
  return work.report();
}
