// Rondo inside GLib's main loop, and so inside GTK's: a GSource.
#include "fetches.hpp"

#include <glib.h>

namespace {

// GLib asks before it sleeps for how long, and looks at the descriptor afterwards.
class rondo_source {
 public:
  rondo_source() : source_(g_source_new(&calls, sizeof(shape))) {
    shape& s = *reinterpret_cast<shape*>(source_);
    s.loop = &loop;
    s.watched = g_source_add_unix_fd(source_, loop.fd(), G_IO_IN);
    g_source_attach(source_, nullptr);
  }
  rondo_source(const rondo_source&) = delete;
  rondo_source& operator=(const rondo_source&) = delete;
  ~rondo_source() {
    g_source_destroy(source_);
    g_source_unref(source_);
  }

  rondo::embedded_loop loop;

 private:
  struct shape {
    GSource base;
    rondo::embedded_loop* loop;
    gpointer watched;
  };
  static gboolean prepare(GSource* s, gint* timeout_ms) {
    const auto left = reinterpret_cast<shape*>(s)->loop->next_timeout();
    *timeout_ms =
        left ? static_cast<gint>(std::chrono::ceil<std::chrono::milliseconds>(*left).count()) : -1;
    return *timeout_ms == 0;
  }
  static gboolean check(GSource* s) {
    shape& of = *reinterpret_cast<shape*>(s);
    return g_source_query_unix_fd(s, of.watched) != 0 ||
           of.loop->next_timeout() == std::chrono::nanoseconds::zero();
  }
  static gboolean dispatch(GSource* s, GSourceFunc, gpointer) {
    reinterpret_cast<shape*>(s)->loop->run_ready();
    return G_SOURCE_CONTINUE;
  }

  static inline GSourceFuncs calls{&prepare, &check, &dispatch, nullptr, nullptr, nullptr};
  GSource* source_;
};

}  // namespace

int main(int argc, char** argv) {
  fetches work(argc, argv);
  rondo_source inside;
  const guint ticks = g_timeout_add(
      fetches::interval.count(),
      [](gpointer w) -> gboolean {
        static_cast<fetches*>(w)->tick();
        return G_SOURCE_CONTINUE;
      },
      &work);
  inside.loop.spawn(work.run());
  GSource* timer = g_main_context_find_source_by_id(nullptr, ticks);
  while (inside.loop.size() > 0) {
    work.turn(g_source_get_ready_time(timer) <= g_get_monotonic_time());
    g_main_context_iteration(nullptr, TRUE);
  }
  return work.report();
}
