// script and play(): a peer that says and hears exactly what a test wrote down, on any byte stream.
//
//   auto [mine, peer] = net::make_memory_streams();
//   g.spawn(test::play(test::script()
//                          .expects("PING\r\n")
//                          .sends_in_pieces("PONG\r\n", 1, 10ms)
//                          .expects_end(),
//                      net::any_stream(std::move(peer))));
//   co_await ping(mine);      // what is tested
//
// A step that does not come true is a failure that names the step and quotes both sides. In the
// simulation a peer that waits for what never comes is reported with the tasks.
#pragma once

#include <rondo/net/any_stream.hpp>
#include <rondo/runtime/core/clock.hpp>
#include <rondo/runtime/task.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace rondo::test {

// Steps, played in order. Each function adds one and returns the object itself.
class script {
 public:
  // The other side sends exactly these bytes next, in any pieces.
  script& expects(std::string bytes) { return add({step::kind::expects, std::move(bytes), 0, {}}); }
  // The other side sends anything up to `end`, which is taken with it, 1 MiB at most. `end` is not
  // empty: the step fails otherwise.
  script& expects_up_to(std::string end) {
    return add({step::kind::expects_up_to, std::move(end), 0, {}});
  }
  // The other side sends no more, and ends its direction.
  script& expects_end() { return add({step::kind::expects_end, {}, 0, {}}); }
  script& sends(std::string bytes) { return add({step::kind::sends, std::move(bytes), 0, {}}); }
  // The same, `piece` bytes at a time (0 counts as 1), with a pause after each but the last.
  template <class Rep, class Period>
  script& sends_in_pieces(std::string bytes, std::size_t piece,
                          std::chrono::duration<Rep, Period> pause) {
    return add({step::kind::sends, std::move(bytes), piece == 0 ? 1 : piece,
                rondo::detail::saturate(pause)});
  }
  // Nothing happens for so long.
  template <class Rep, class Period>
  script& pauses(std::chrono::duration<Rep, Period> d) {
    return add({step::kind::pauses, {}, 0, rondo::detail::saturate(d)});
  }
  // This side sends no more: the other reads the end, and may go on sending.
  script& half_closes() { return add({step::kind::half_closes, {}, 0, {}}); }
  // The connection is closed; on TCP, with what was sent and not expected unread, it is reset. The
  // last step: one after it fails.
  script& closes() { return add({step::kind::closes, {}, 0, {}}); }

 private:
  friend class script_player;
  struct step {
    enum class kind { expects, expects_up_to, expects_end, sends, pauses, half_closes, closes };
    kind what;
    std::string bytes;
    std::size_t piece;
    rondo::detail::nanoseconds time;
  };
  script& add(step s) {
    steps_.push_back(std::move(s));
    return *this;
  }

  std::vector<step> steps_;
};

// Plays the steps on `peer`, which is closed when they are done or one has failed. Throws a failure
// for a step that does not come true, and what the stream throws. Cancellation: at every wait, and
// the stream is closed.
task<> play(script steps, net::any_stream peer);

}  // namespace rondo::test
