// Ends a server's connection whose peer does not read: when for a whole limit nothing of a write
// under way went anywhere. Internal.
//
//   write_watch::turn mine(watch);
//   while (left) { send some of it; watch.moved(); }
//
// One timer a connection, which looks four times a limit while there are writes, and rests when it
// finds none: so a write that does not wait costs a count and a flag, and no reading of the clock.
#pragma once

#include <rondo/http/parts/transport.hpp>
#include <rondo/runtime/core/timers.hpp>

#include <cstdint>

namespace rondo::http::detail {

class write_watch final : private rondo::detail::timer {
 public:
  // Of a stream that outlives it. The limit is counted from the look before the last movement, so a
  // write is cut after the limit to the limit and a quarter; exactly at the limit when it is the
  // first in a while.
  write_watch(transport& stream, rondo::detail::nanoseconds limit) noexcept
      : timer(&fired), stream_(stream), quarter_(limit / looks) {}
  write_watch(const write_watch&) = delete;
  write_watch& operator=(const write_watch&) = delete;
  ~write_watch();

  // A write is under way as long as this lives.
  class turn {
   public:
    explicit turn(write_watch& w) noexcept : watch_(w) { w.begin(); }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() { watch_.under_way_ = false; }

   private:
    write_watch& watch_;
  };
  // Some of it has gone.
  void moved() noexcept { ++moves_; }

 private:
  static constexpr int looks = 4;  // a limit

  void begin() noexcept {
    ++moves_;
    under_way_ = true;
    if (!armed()) [[unlikely]]
      start();
  }
  void start() noexcept;
  void look() noexcept;
  void look_again() noexcept;
  void cut() noexcept;
  std::uint64_t acknowledged() const noexcept;
  static void fired(timer& t) noexcept { static_cast<write_watch&>(t).look(); }

  transport& stream_;
  rondo::detail::nanoseconds quarter_;
  std::uint64_t acknowledged_ = 0;  // at the last look but one
  std::uint32_t moves_ = 0;         // how often anything moved
  std::uint32_t seen_ = 0;          // moves_ at the last look
  std::uint8_t quiet_ = 0;          // looks that found nothing moved
  bool under_way_ = false;
};

}  // namespace rondo::http::detail
