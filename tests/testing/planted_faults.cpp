// An awaitable as a user writes one, right or with one of five faults, and a test of it by Rondo's
// tools alone: `planted_faults FAULT` ends with 0 when nothing is wrong, and else says what and
// ends with something else.
#include <rondo/runtime.hpp>
#include <rondo/testing.hpp>
#include <rondo/testing/count_allocations.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

namespace {

using namespace rondo;
using namespace std::chrono_literals;

enum class fault {
  none,
  stays_in_line,     // a cancelled wait is not taken out of the line
  wakes_twice,       // a wait that was served stays in line and is served again
  keeps_descriptor,  // a cancelled wait keeps the descriptor that it made
  leaks_frame,       // a cancelled wait keeps a task that it made
  leaks_memory,      // … or memory
  loses_item         // a wait that was served and has not been woken yet is cancelled with its item
};

// Hands numbers out to those who wait for them, first come, first served.
class ticket_office {
 public:
  explicit ticket_office(fault f) noexcept : fault_(f) {}
  ticket_office(const ticket_office&) = delete;
  ticket_office& operator=(const ticket_office&) = delete;

  class [[nodiscard("without co_await nothing happens")]] ticket final : public custom_awaitable {
   public:
    explicit ticket(ticket_office& o) noexcept : office_(&o) {}

    bool begin(waiting_task& t) noexcept override {
      if (!office_->left_.empty()) {
        take();
        return true;
      }
      if (t.stops_here()) return false;
      switch (office_->fault_) {
        case fault::keeps_descriptor: descriptor_ = ::dup(STDERR_FILENO); break;
        case fault::leaks_frame: helper_ = new task<>(nothing()); break;
        case fault::leaks_memory: memory_ = new int(0); break;
        default: break;
      }
      task_ = &t;
      office_->line_.push_back(this);
      t.wait_on(*this);
      return false;
    }
    void cancel(waiting_task& t) noexcept override {
      if (office_->fault_ != fault::stays_in_line) std::erase(office_->line_, this);
      std::erase(office_->served_, this);
      t.wake_stopped();
    }
    int await_resume() {
      if (descriptor_ != -1) ::close(descriptor_);
      delete helper_;
      delete memory_;
      return number_;
    }

   private:
    friend class ticket_office;
    static task<> nothing() { co_return; }
    void take() noexcept {
      number_ = office_->left_.front();
      office_->left_.pop_front();
    }

    ticket_office* office_;
    waiting_task* task_ = nullptr;
    int number_ = 0;
    int descriptor_ = -1;
    task<>* helper_ = nullptr;
    int* memory_ = nullptr;
  };

  ticket next() noexcept { return ticket(*this); }
  void give(int number) {
    if (line_.empty()) {
      left_.push_back(number);
      return;
    }
    ticket* const first = line_.front();
    if (fault_ != fault::wakes_twice) line_.pop_front();
    first->number_ = number;
    if (fault_ != fault::loses_item) {
      first->task_->wake();
      return;
    }
    served_.push_back(first);
    this_loop().post([this] {
      for (ticket* const t : std::exchange(served_, {})) t->task_->wake();
    });
  }
  std::size_t left() const noexcept { return left_.size(); }

 private:
  fault fault_;
  std::deque<int> left_;
  std::deque<ticket*> line_;
  std::deque<ticket*> served_;  // with fault::loses_item: not woken yet
};

// Two customers, one of whom gives up after a while, and six tickets, two at a time.
struct day {
  explicit day(fault f) noexcept : office(f) {}

  ticket_office office;
  int given = 0;
  int got = 0;

  task<> customer() {
    for (int i = 0; i < 3; ++i) {
      (void)co_await office.next();
      ++got;
    }
  }
  task<> clerk() {
    while (given < 6) {
      co_await sleep_for(1ms);
      office.give(given++);
      office.give(given++);
    }
  }
};

// The office outlives the scenario, so that nothing hides in its end.
void test_office(fault f) {
  std::optional<day> d;
  test::cancel_at_every_wait(
      [&]() -> task<> {
        d.emplace(f);
        co_await with_task_group([&](task_group& g) -> task<> {
          g.spawn(d->clerk());
          g.spawn([&]() -> task<> { co_await try_for(1500us, d->customer()); });
          co_await d->customer();
        });
      },
      [&] {
        if (!d) return;  // cancelled before it began
        test::expect(static_cast<std::size_t>(d->got) + d->office.left() ==
                         static_cast<std::size_t>(d->given),
                     "every ticket given has been got or is left");
        d.reset();  // its memory is not what is looked for
      });
}

constexpr std::pair<std::string_view, fault> faults[] = {
    {"none", fault::none},
    {"stays_in_line", fault::stays_in_line},
    {"wakes_twice", fault::wakes_twice},
    {"keeps_descriptor", fault::keeps_descriptor},
    {"leaks_frame", fault::leaks_frame},
    {"leaks_memory", fault::leaks_memory},
    {"loses_item", fault::loses_item},
};

}  // namespace

int main(int argc, char** argv) {
  for (const auto& [name, f] : faults) {
    if (argc != 2 || argv[1] != name) continue;
    try {
      test_office(f);
      std::puts("nothing is wrong");
      return 0;
    } catch (const std::exception& e) {
      std::fprintf(stderr, "%s\n", e.what());
      return 1;
    }
  }
  std::fputs("usage: planted_faults none|stays_in_line|wakes_twice|…\n", stderr);
  return 2;
}
