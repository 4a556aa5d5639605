// The clock of one connection of a server: one timer for whatever it waits for. Internal.
//
//   connection_clock::reading mine(clock, until);      // a read that ends at `until`
//   outcome<received_bytes> got = co_await as_result(stream.receive());
//   if (!got.has_value() && mine.expired()) …          // nothing came, and nothing was lost
//
//   connection_clock::writing mine(clock);             // cut with a reset when the client is stuck
//   while (left) mine.gone(co_await stream.write_some(…));
//
// The timer is not armed anew for each wait. What is due when is written down, and the timer, once
// it fires, is set to the earliest of what is due by then: so a read or a write that does not take
// long costs a comparison, and a connection that is busy or idle for hours fires four times a
// minute at most.
//
// A read is ended by asking its operation, and not its task, to stop: the reactor answers with
// what has come, or with ECANCELED, which the reader takes for the end of its time. So the task
// goes on, and can still say 408.
//
// A write is judged by the time that was spent waiting for it, in quarters of the limit, over as
// many writes as it takes: at the end of each quarter, what the last four of them have moved must
// be as much as the rate demands. What moved is what the client has acknowledged, where TCP tells,
// because a large send buffer takes nothing more for long while a slow client reads.
#pragma once

#include <rondo/http/parts/transport.hpp>
#include <rondo/http/server_options.hpp>
#include <rondo/runtime/core/timers.hpp>
#include <rondo/runtime/loop.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace rondo::http::detail {

class connection_clock final : private rondo::detail::timer {
 public:
  // Of a stream that outlives it.
  connection_clock(transport& stream, const server_options& o) noexcept
      : timer(&fired), stream_(stream), options_(o) {}
  connection_clock(const connection_clock&) = delete;
  connection_clock& operator=(const connection_clock&) = delete;
  ~connection_clock();

  static rondo::detail::time_point now() noexcept { return rondo::detail::this_core().now(); }

  // What goes when its time is over: one operation; the connection's task as a whole, which is a
  // child of a group; or the stream, of which one operation cannot be ended alone.
  enum class ends : std::uint8_t { operation, task, stream };

  // The running task waits for one operation of the stream as long as this lives; one at a time.
  class reading {
   public:
    reading(connection_clock& c, rondo::detail::time_point until,
            ends what = ends::operation) noexcept
        : clock_(c) {
      c.reader_ = rondo::detail::this_thread.current;
      c.expired_ = false;
      c.ends_ = what;
      c.due(c.read_due_ = until);
    }
    reading(const reading&) = delete;
    reading& operator=(const reading&) = delete;
    ~reading() {
      clock_.reader_ = nullptr;
      clock_.read_due_ = rondo::detail::never;
    }
    // Its time has passed. It may have ended with a result all the same.
    bool expired() const noexcept { return clock_.expired_; }

   private:
    connection_clock& clock_;
  };
  bool is_reading() const noexcept { return reader_ != nullptr; }
  // The read under way, if one is, ends at `until` at the latest.
  void hasten(rondo::detail::time_point until) noexcept {
    if (reader_ && until < read_due_) due(read_due_ = until);
  }

  // A write is under way as long as this lives.
  class writing {
   public:
    explicit writing(connection_clock& c) noexcept : clock_(c) { c.begin_write(); }
    writing(const writing&) = delete;
    writing& operator=(const writing&) = delete;
    ~writing() { clock_.end_write(); }
    // So many bytes of it have gone.
    void gone(std::size_t bytes) noexcept { clock_.taken_ += static_cast<std::uint32_t>(bytes); }

   private:
    connection_clock& clock_;
  };

 private:
  static constexpr unsigned quarters = 4;  // of the limit

  rondo::detail::nanoseconds quarter() const noexcept { return options_.write_timeout_ / quarters; }
  // Sees to it that the timer fires by then.
  void due(rondo::detail::time_point when) noexcept {
    if (when < armed_for_) arm(when);
  }
  void arm(rondo::detail::time_point when) noexcept;
  void begin_write() noexcept {
    write_begun_ = now();
    due(write_due_ = rondo::detail::add(write_begun_, quarter() - waited_));
  }
  void end_write() noexcept {
    write_due_ = rondo::detail::never;
    waited_ += now() - write_begun_;
    if (waited_ >= quarter()) [[unlikely]]
      end_quarter();
  }
  void look(rondo::detail::time_point at) noexcept;
  void end_read() noexcept;
  void end_quarter() noexcept;
  void cut() noexcept;
  std::uint32_t acknowledged() const noexcept;
  static void fired(timer& t) noexcept;

  std::uint8_t quarters_ended_ = 0;  // up to as many as count; these three where the timer ends
  bool expired_ = false;
  ends ends_ = ends::operation;
  transport& stream_;
  const server_options& options_;
  rondo::detail::job* reader_ = nullptr;
  rondo::detail::time_point armed_for_ = rondo::detail::never;
  rondo::detail::time_point read_due_ = rondo::detail::never;
  rondo::detail::time_point write_due_ = rondo::detail::never;
  rondo::detail::time_point write_begun_;
  rondo::detail::nanoseconds waited_{};          // in this quarter
  std::array<std::uint32_t, quarters> moved_{};  // in the last ones, the latest first
  std::uint32_t taken_ = 0;                      // by the system, in this quarter
  std::uint32_t acknowledged_ = 0;               // by the peer, at the end of the last
};

}  // namespace rondo::http::detail
