// Rondo inside Qt's event loop: that of a window, or as here of a program without one.
#include "fetches.hpp"

#include <QAbstractEventDispatcher>
#include <QCoreApplication>
#include <QSocketNotifier>
#include <QTimer>

namespace {

// A notifier for the descriptor, and a timer that is set before each sleep.
class qt_host {
 public:
  qt_host() : fd_(loop.fd(), QSocketNotifier::Read) {
    timer_.setSingleShot(true);
    timer_.setTimerType(Qt::PreciseTimer);
    QObject::connect(&fd_, &QSocketNotifier::activated, [this] { visit(); });
    QObject::connect(&timer_, &QTimer::timeout, [this] { visit(); });
    QObject::connect(QAbstractEventDispatcher::instance(), &QAbstractEventDispatcher::aboutToBlock,
                     &timer_, [this] { set_timer(); });
  }

  rondo::embedded_loop loop;

 private:
  void visit() {
    loop.run_ready();
    set_timer();
  }
  void set_timer() {
    if (const auto left = loop.next_timeout())
      timer_.start(std::chrono::ceil<std::chrono::milliseconds>(*left));
    else
      timer_.stop();
  }

  QSocketNotifier fd_;
  QTimer timer_;
};

}  // namespace

int main(int argc, char** argv) {
  const QCoreApplication app(argc, argv);
  fetches work(argc, argv);
  qt_host inside;
  QTimer ticks;
  ticks.setTimerType(Qt::PreciseTimer);
  QObject::connect(&ticks, &QTimer::timeout, [&] { work.tick(); });
  ticks.start(fetches::interval);
  inside.loop.spawn(work.run());
  while (inside.loop.size() > 0) {
    work.turn(ticks.remainingTime() == 0);
    QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
  }
  return work.report();
}
